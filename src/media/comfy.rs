//! ComfyUI: the prompt graph, walked back from what was saved.
//!
//! No rule maps every graph to one prompt. What the walk cannot follow stays unread; nothing is guessed, and where two
//! saving nodes disagree, only what they agree on is kept. The graph itself is always kept as text.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde_json::{Map, Value};

use crate::types::Generation;

const MAX_STEPS: usize = 10_000;
const MAX_SAVES: usize = 32;
/// Larger texts are kept but not read: as values they take many times their length.
const MAX_JSON: usize = 4 * 1024 * 1024;

type Graph = Map<String, Value>;

/// JSON as Python writes it: NaN and Infinity are read as null, and JSON inside a JSON string is unwrapped.
pub(super) fn parse(text: &str) -> Option<Value> {
    let mut value = parse_once(text)?;
    for _ in 0..3 {
        match value {
            Value::String(inner) => value = parse_once(&inner)?,
            other => return Some(other),
        }
    }
    None
}

fn parse_once(text: &str) -> Option<Value> {
    let text = text.trim().trim_end_matches('\0');
    if text.len() > MAX_JSON {
        return None;
    }
    serde_json::from_str(text).ok().or_else(|| serde_json::from_str(&without_nan(text)).ok())
}

/// Replaces the three words of Python that are no JSON, outside strings.
fn without_nan(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let (mut string, mut escaped) = (false, false);
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if !string && let Some(word) = ["NaN", "-Infinity", "Infinity"].iter().find(|w| rest.starts_with(**w)) {
            out.push_str("null");
            rest = rest.get(word.len()..).unwrap_or_default();
            continue;
        }
        match c {
            _ if escaped => escaped = false,
            '\\' if string => escaped = true,
            '"' => string = !string,
            _ => {}
        }
        out.push(c);
        rest = rest.get(c.len_utf8()..).unwrap_or_default();
    }
    out
}

/// Whether a value is a prompt graph: an object of nodes that name their class.
pub(super) fn is_graph(value: &Value) -> bool {
    value.as_object().is_some_and(|o| o.values().any(|n| n.get("class_type").is_some_and(Value::is_string)))
}

/// Reads a prompt graph.
pub(super) fn read(raw: &str, graph: &Value, workflow: Option<&str>) -> Generation {
    let mut out = Generation {
        tool: "comfyui".to_owned(),
        raw: raw.to_owned(),
        workflow: workflow.map(str::to_owned),
        ..Generation::default()
    };
    let Some(graph) = graph.as_object() else { return out };
    let mut agreed: Option<Facts> = None;
    for save in saves(graph) {
        let Some(sampler) = nearest_sampler(graph, save) else { continue };
        let facts = facts(graph, sampler);
        agreed = Some(match agreed {
            None => facts,
            Some(before) => before.both(facts),
        });
    }
    if let Some(f) = agreed {
        out.prompt = f.prompt;
        out.negative = f.negative;
        out.model = f.model;
        out.sampler = f.fields.get("Sampler").cloned();
        out.seed = f.fields.get("Seed").and_then(|s| s.parse().ok());
        out.loras = f.loras;
        out.fields = f.fields;
    }
    out
}

#[derive(Debug, Default, Clone, PartialEq, Eq)]
struct Facts {
    prompt: Option<String>,
    negative: Option<String>,
    model: Option<String>,
    loras: Vec<String>,
    fields: BTreeMap<String, String>,
}

impl Facts {
    fn both(self, other: Self) -> Self {
        let same = |a: Option<String>, b: Option<String>| if a == b { a } else { None };
        Self {
            prompt: same(self.prompt, other.prompt),
            negative: same(self.negative, other.negative),
            model: same(self.model, other.model),
            loras: self.loras.into_iter().filter(|l| other.loras.contains(l)).collect(),
            fields: self.fields.into_iter().filter(|(k, v)| other.fields.get(k) == Some(v)).collect(),
        }
    }
}

fn class(node: &Value) -> &str {
    node.get("class_type").and_then(Value::as_str).unwrap_or_default()
}

fn input<'a>(node: &'a Value, name: &str) -> Option<&'a Value> {
    node.get("inputs")?.get(name)
}

/// The node and the output that an input comes from.
fn link(value: &Value) -> Option<(&str, u64)> {
    match value.as_array()?.as_slice() {
        [Value::String(id), Value::Number(slot)] => Some((id, slot.as_u64()?)),
        _ => None,
    }
}

fn links(node: &Value) -> impl Iterator<Item = &str> {
    let inputs = node.get("inputs").and_then(Value::as_object);
    inputs.into_iter().flat_map(|o| o.values()).filter_map(|v| link(v).map(|(id, _)| id))
}

/// The nodes that write files; when none is known as such, the nodes that nothing else uses.
fn saves(graph: &Graph) -> Vec<&Value> {
    let known = |n: &&Value| {
        let class = class(n).to_ascii_lowercase();
        ["save", "preview", "combine"].iter().any(|w| class.contains(w)) && links(n).next().is_some()
    };
    let saving = |n: &&Value| class(n).to_ascii_lowercase().contains("save") && known(n);
    for wanted in [&saving as &dyn Fn(&&Value) -> bool, &known] {
        let found: Vec<&Value> = graph.values().filter(|n| wanted(n)).take(MAX_SAVES).collect();
        if !found.is_empty() {
            return found;
        }
    }
    let used: BTreeSet<&str> = graph.values().flat_map(links).collect();
    graph.iter().filter(|(id, _)| !used.contains(id.as_str())).map(|(_, n)| n).take(MAX_SAVES).collect()
}

fn is_sampler(node: &Value) -> bool {
    let linked = |name: &str| input(node, name).and_then(link).is_some();
    let seeded = ["seed", "noise_seed", "noise"].iter().any(|n| input(node, n).is_some());
    seeded && (linked("positive") || linked("guider"))
}

/// Breadth first, so that the sampler nearest to the saving node wins (the second pass of an upscale).
fn nearest_sampler<'a>(graph: &'a Graph, from: &'a Value) -> Option<&'a Value> {
    let mut queue = VecDeque::from([from]);
    let mut seen = BTreeSet::new();
    for _ in 0..MAX_STEPS {
        let node = queue.pop_front()?;
        if is_sampler(node) {
            return Some(node);
        }
        for id in links(node) {
            if seen.insert(id)
                && let Some(next) = graph.get(id)
            {
                queue.push_back(next);
            }
        }
    }
    None
}

fn follow<'a>(graph: &'a Graph, node: &'a Value, name: &str) -> Option<&'a Value> {
    graph.get(link(input(node, name)?)?.0)
}

fn facts(graph: &Graph, sampler: &Value) -> Facts {
    let mut out = Facts::default();
    let guider = follow(graph, sampler, "guider");
    let conditioned = guider.unwrap_or(sampler);
    let side = |names: &[&str]| names.iter().find_map(|n| input(conditioned, n)).and_then(link);
    out.prompt = side(&["positive", "conditioning"]).and_then(|l| text_of(graph, l, true));
    out.negative = side(&["negative"]).and_then(|l| text_of(graph, l, false));
    let model_from = if input(conditioned, "model").is_some() { conditioned } else { sampler };
    (out.model, out.loras) = model_of(graph, model_from);
    let mut literal = |node: Option<&Value>, names: &[&str], key: &str| {
        let value = names.iter().find_map(|n| scalar(graph, node?, n, 0));
        if let Some(v) = value {
            out.fields.entry(key.to_owned()).or_insert(v);
        }
    };
    let noise = follow(graph, sampler, "noise");
    let scheduler = follow(graph, sampler, "sigmas");
    literal(Some(sampler), &["seed", "noise_seed"], "Seed");
    literal(noise, &["noise_seed", "seed"], "Seed");
    literal(Some(sampler), &["sampler_name"], "Sampler");
    literal(follow(graph, sampler, "sampler"), &["sampler_name"], "Sampler");
    literal(Some(sampler), &["steps"], "Steps");
    literal(scheduler, &["steps"], "Steps");
    literal(Some(sampler), &["scheduler"], "Scheduler");
    literal(scheduler, &["scheduler"], "Scheduler");
    literal(Some(conditioned), &["cfg"], "CFG scale");
    literal(Some(sampler), &["denoise"], "Denoising strength");
    if let Some(m) = &out.model {
        out.fields.insert("Model".to_owned(), m.clone());
    }
    out
}

/// A literal input as text, also through the nodes that only hold one value.
fn scalar(graph: &Graph, node: &Value, name: &str, depth: usize) -> Option<String> {
    match input(node, name)? {
        Value::String(s) => Some(s.clone()),
        Value::Number(n) => Some(n.to_string()),
        Value::Bool(b) => Some(b.to_string()),
        other if depth < 3 => {
            let next = graph.get(link(other)?.0)?;
            let only = ["value", "seed", "noise_seed", "int", "float", "text", "string", "String", "prompt"];
            let mut values = only.iter().filter_map(|n| scalar(graph, next, n, depth.saturating_add(1)));
            let value = values.next()?;
            values.next().is_none().then_some(value)
        }
        _ => None,
    }
}

/// The text behind a conditioning, when there is exactly one.
fn text_of<'a>(graph: &'a Graph, mut at: (&'a str, u64), mut positive: bool) -> Option<String> {
    for _ in 0..64 {
        let node = graph.get(at.0)?;
        if class(node).contains("ZeroOut") {
            return None;
        }
        let names = ["text", "text_g", "text_l", "clip_l", "clip_g", "t5xxl", "prompt"];
        let mut texts: Vec<String> = names
            .iter()
            .filter(|_| class(node).contains("TextEncode"))
            .filter_map(|n| scalar(graph, node, n, 0))
            .map(|t| t.trim().to_owned())
            .filter(|t| !t.is_empty())
            .collect();
        texts.dedup();
        if let [text] = texts.as_slice() {
            return Some(text.clone());
        }
        if !texts.is_empty() {
            return None;
        }
        let both = input(node, "positive").is_some() && input(node, "negative").is_some();
        at = if both {
            // Such a node gives the positive one first.
            positive = match at.1 {
                0 => true,
                1 => false,
                _ => positive,
            };
            input(node, if positive { "positive" } else { "negative" }).and_then(link)?
        } else {
            input(node, "conditioning").and_then(link)?
        };
    }
    None
}

/// The checkpoint behind a model input, and the LoRAs on the way.
fn model_of(graph: &Graph, from: &Value) -> (Option<String>, Vec<String>) {
    let mut loras = Vec::new();
    let mut next = follow(graph, from, "model");
    for _ in 0..256 {
        let Some(node) = next else { break };
        for name in ["ckpt_name", "unet_name"] {
            if let Some(Value::String(file)) = input(node, name) {
                return (Some(stem(file)), loras);
            }
        }
        if let Some(Value::String(file)) = input(node, "lora_name") {
            let name = stem(file);
            if !loras.contains(&name) {
                loras.push(name);
            }
        }
        next = follow(graph, node, "model");
    }
    (None, loras)
}

/// The name without folders and without the extension of a weights file.
fn stem(file: &str) -> String {
    let name = file.rsplit(['/', '\\']).next().unwrap_or(file);
    let known = [".safetensors", ".ckpt", ".pt", ".pth", ".gguf", ".sft", ".bin"];
    known.iter().find_map(|e| name.strip_suffix(e)).unwrap_or(name).to_owned()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]
mod tests {
    use super::*;

    pub(super) const GRAPH: &str = r#"{
"3":{"class_type":"KSampler","inputs":{"seed":18446744073709551615,"steps":20,"cfg":8.0,"sampler_name":"euler",
 "scheduler":"normal","denoise":1.0,"model":["10",0],"positive":["6",0],"negative":["7",0],"latent_image":["5",0]}},
"4":{"class_type":"CheckpointLoaderSimple","inputs":{"ckpt_name":"sd\\v1-5.safetensors"}},
"5":{"class_type":"EmptyLatentImage","inputs":{"width":512,"height":512,"batch_size":1}},
"6":{"class_type":"CLIPTextEncode","inputs":{"text":"a beach","clip":["10",1]},"is_changed":NaN},
"7":{"class_type":"CLIPTextEncode","inputs":{"text":"NaN words","clip":["10",1]}},
"8":{"class_type":"VAEDecode","inputs":{"samples":["3",0],"vae":["4",2]}},
"9":{"class_type":"SaveImage","inputs":{"filename_prefix":"x","images":["8",0]}},
"10":{"class_type":"LoraLoader","inputs":{"lora_name":"style.safetensors","model":["4",0],"clip":["4",1]}}}"#;

    fn of(text: &str) -> Generation {
        read(text, &parse(text).unwrap(), None)
    }

    #[test]
    fn the_default_graph_is_read_back_from_the_saving_node() {
        let g = of(GRAPH);
        assert_eq!(g.prompt.as_deref(), Some("a beach"));
        assert_eq!(g.negative.as_deref(), Some("NaN words"));
        assert_eq!((g.model.as_deref(), g.sampler.as_deref()), (Some("v1-5"), Some("euler")));
        assert_eq!(g.loras, ["style"]);
        assert_eq!(g.fields["Seed"], "18446744073709551615");
        assert_eq!(g.seed, None);
        assert_eq!(g.raw, GRAPH);
    }

    #[test]
    fn the_advanced_sampler_is_followed_through_its_parts() {
        let g = of(r#"{
"1":{"class_type":"SamplerCustomAdvanced","inputs":{"noise":["2",0],"guider":["3",0],"sampler":["4",0],"sigmas":["5",0],"latent_image":["9",0]}},
"2":{"class_type":"RandomNoise","inputs":{"noise_seed":["20",0]}},
"20":{"class_type":"PrimitiveInt","inputs":{"value":7}},
"3":{"class_type":"BasicGuider","inputs":{"model":["6",0],"conditioning":["7",0]}},
"4":{"class_type":"KSamplerSelect","inputs":{"sampler_name":"euler"}},
"5":{"class_type":"BasicScheduler","inputs":{"scheduler":"simple","steps":4,"model":["6",0]}},
"6":{"class_type":"UNETLoader","inputs":{"unet_name":"flux1.safetensors"}},
"7":{"class_type":"FluxGuidance","inputs":{"guidance":3.5,"conditioning":["8",0]}},
"8":{"class_type":"CLIPTextEncodeFlux","inputs":{"clip_l":"a fox","t5xxl":"a fox"}},
"10":{"class_type":"SaveImage","inputs":{"images":["1",0]}}}"#);
        assert_eq!((g.prompt.as_deref(), g.model.as_deref(), g.seed), (Some("a fox"), Some("flux1"), Some(7)));
        assert_eq!(g.fields["Steps"], "4");
    }

    #[test]
    fn what_cannot_be_followed_is_left_out() {
        let g = of(&GRAPH.replace(
            r#""class_type":"CLIPTextEncode","inputs":{"text":"a beach""#,
            r#""class_type":"Magic","inputs":{"text":"a beach""#,
        ));
        assert_eq!(g.prompt, None);
        assert_eq!(g.negative.as_deref(), Some("NaN words"));
        let cycle = r#"{"1":{"class_type":"SaveImage","inputs":{"images":["2",0]}},"2":{"class_type":"A","inputs":{"x":["1",0],"y":["2",0]}}}"#;
        assert_eq!(of(cycle).prompt, None);
        let lone = r#"{"1":{"class_type":"KSampler","inputs":{"seed":1,"positive":["1",0],"model":["1",0]}}}"#;
        assert_eq!(of(lone).prompt, None);
        assert!(parse(&"[".repeat(100_000)).is_none());
    }
}
