//! Which tool wrote the metadata, in the order that avoids the known clashes of keys.

use std::collections::BTreeMap;

use serde_json::Value;

use super::found::Found;
use super::{comfy, infotext};
use crate::types::Generation;

const MAX_FIELDS: usize = 512;
const MAX_FIELD: usize = 64 * 1024;

/// What generated the file, when it says so. `comment` is EXIF's UserComment or XMP's.
pub(super) fn generation(found: &Found, comment: Option<&str>) -> Option<Generation> {
    let graph = found.get("prompt").and_then(|raw| Some((raw, comfy::parse(raw)?))).filter(|(_, v)| comfy::is_graph(v));
    let workflow = found.get("workflow");
    for key in ["parameters", "postprocessing", "extras"] {
        let Some(raw) = found.get(key) else { continue };
        let mut out = text(raw);
        // Beside a graph the infotext gives the fields; the graph is kept.
        out.workflow = workflow.or(graph.as_ref().map(|(raw, _)| *raw)).map(str::to_owned);
        return Some(out);
    }
    for (key, tool) in [("invokeai_metadata", "invokeai"), ("sd-metadata", "invokeai")] {
        if let Some(raw) = found.get(key) {
            let mut out = comfy::parse(raw).map_or_else(|| unread(tool, raw), |v| json(tool, raw, &v));
            out.workflow = found.get("invokeai_workflow").or(found.get("invokeai_graph")).map(str::to_owned);
            return Some(out);
        }
    }
    if let Some(raw) = found.get("Dream") {
        return Some(dream(raw));
    }
    if found.get("Software").is_some_and(|s| s.starts_with("NovelAI"))
        && let Some(raw) = found.get("Comment")
    {
        let mut out = comfy::parse(raw).map_or_else(|| unread("novelai", raw), |v| json("novelai", raw, &v));
        out.prompt = out.prompt.or(found.get("Description").map(str::to_owned));
        out.model = out.model.or(found.get("Source").map(str::to_owned));
        return Some(out);
    }
    if let Some((raw, value)) = &graph {
        return Some(comfy::read(raw, value, workflow));
    }
    if let Some(raw) = found.get("prompt") {
        return Some(easy_diffusion(found, raw));
    }
    for raw in found.get("Comment").into_iter().chain(comment) {
        let value = raw.trim_start().starts_with('{').then(|| comfy::parse(raw)).flatten();
        match value {
            Some(value) => {
                if let Some(out) = object(raw, &value) {
                    return Some(out);
                }
            }
            None if infotext::is_infotext(raw) => return Some(infotext::read(raw)),
            None => {}
        }
    }
    workflow.map(|raw| unread("comfyui", raw))
}

/// The text of a key that is known to hold parameters.
fn text(raw: &str) -> Generation {
    let value = raw.trim_start().starts_with('{').then(|| comfy::parse(raw)).flatten();
    value.and_then(|v| object(raw, &v)).unwrap_or_else(|| infotext::read(raw))
}

/// Tells the tools that write a JSON object apart by their keys.
fn object(raw: &str, value: &Value) -> Option<Generation> {
    let has = |key: &str| value.get(key).is_some();
    // One text that holds both graphs (video nodes).
    if let Some(inner) = value.get("prompt") {
        let graph = match inner {
            Value::String(s) => comfy::parse(s),
            other => Some(other.clone()),
        };
        if let Some(graph) = graph.filter(comfy::is_graph) {
            let workflow = value.get("workflow").map(|w| w.as_str().map_or_else(|| w.to_string(), str::to_owned));
            return Some(comfy::read(raw, &graph, workflow.as_deref()));
        }
    }
    if comfy::is_graph(value) {
        return Some(comfy::read(raw, value, None));
    }
    let tool = if has("sui_image_params") {
        "swarmui"
    } else if has("metadata_scheme") || has("base_model") || has("full_prompt") {
        "fooocus"
    } else if has("c") && has("uc") {
        "draw-things"
    } else if has("prompt") || has("positive_prompt") {
        "json"
    } else {
        return None;
    };
    Some(json(tool, raw, value))
}

fn unread(tool: &str, raw: &str) -> Generation {
    Generation { tool: tool.to_owned(), raw: raw.to_owned(), ..Generation::default() }
}

/// Reads a flat JSON object by the names that the tools use.
fn json(tool: &str, raw: &str, value: &Value) -> Generation {
    let inner = value.get("sui_image_params").or_else(|| value.get("image")).filter(|v| v.is_object()).unwrap_or(value);
    let mut fields = BTreeMap::new();
    for source in [value, inner] {
        for (key, value) in source.as_object().into_iter().flatten().take(MAX_FIELDS) {
            if let Some(text) = plain(value).filter(|t| t.len() <= MAX_FIELD) {
                fields.insert(key.clone(), text);
            }
        }
    }
    let first = |names: &[&str]| {
        let direct = |n: &&str| inner.get(*n).or_else(|| value.get(*n)).and_then(words);
        names.iter().find_map(direct).map(|s| s.trim().to_owned()).filter(|s| !s.is_empty())
    };
    let prompt = first(&["positive_prompt", "prompt", "c"]);
    let mut loras = prompt.as_deref().map(infotext::prompt_loras).unwrap_or_default();
    for lora in inner.get("loras").or_else(|| inner.get("lora")).and_then(Value::as_array).into_iter().flatten() {
        if let Some(name) = lora_name(lora).filter(|n| !loras.contains(n)) {
            loras.push(name);
        }
    }
    loras.truncate(MAX_FIELDS);
    Generation {
        tool: tool.to_owned(),
        raw: raw.to_owned(),
        workflow: None,
        negative: first(&["negative_prompt", "negativeprompt", "uc"]),
        model: first(&["model", "base_model", "model_name", "model_weights", "use_stable_diffusion_model"]),
        sampler: first(&["sampler", "sampler_name", "scheduler"]),
        seed: first(&["seed"]).and_then(|s| s.parse().ok()),
        prompt,
        loras,
        fields,
        ..Generation::default()
    }
}

fn lora_name(lora: &Value) -> Option<String> {
    match lora {
        Value::String(s) => Some(s.clone()),
        Value::Array(a) => a.first()?.as_str().map(str::to_owned),
        Value::Object(o) => {
            let model = o.get("lora").or_else(|| o.get("model")).unwrap_or(lora);
            let name = model.get("model_name").or_else(|| model.get("name")).or_else(|| o.get("name"));
            name.or_else(|| o.get("file")).and_then(Value::as_str).map(str::to_owned)
        }
        _ => None,
    }
}

fn plain(value: &Value) -> Option<String> {
    match value {
        Value::String(s) => Some(s.clone()),
        Value::Number(n) => Some(n.to_string()),
        Value::Bool(b) => Some(b.to_string()),
        _ => None,
    }
}

/// A text, a list of texts or weighted texts, or an object that names itself.
fn words(value: &Value) -> Option<String> {
    match value {
        Value::Array(list) => {
            let parts: Vec<String> =
                list.iter().filter_map(|v| plain(v.get("prompt").unwrap_or(v))).take(MAX_FIELDS).collect();
            (!parts.is_empty()).then(|| parts.join("\n"))
        }
        Value::Object(o) => o.get("name").or_else(|| o.get("model_name")).and_then(plain),
        other => plain(other),
    }
}

/// `"prompt [negative]" -s 30 -S 42 -W 512 -H 512 -C 7.5 -A k_lms`
fn dream(raw: &str) -> Generation {
    let mut out = unread("invokeai", raw);
    let (text, options) = match raw.trim().strip_prefix('"').and_then(|r| r.rsplit_once('"')) {
        Some(parts) => parts,
        None => raw.trim().split_once(" -").unwrap_or((raw.trim(), "")),
    };
    let mut positive = text.to_owned();
    if let (Some(from), Some(to)) = (text.find('['), text.rfind(']'))
        && from < to
    {
        out.negative = text.get(from.saturating_add(1)..to).map(str::to_owned);
        positive = [text.get(..from), text.get(to.saturating_add(1)..)].into_iter().flatten().collect();
    }
    out.prompt = Some(positive.trim().to_owned()).filter(|p| !p.is_empty());
    let mut words = options.split_whitespace();
    while let Some(word) = words.next() {
        let key = match word.trim_start_matches('-') {
            "s" => "Steps",
            "S" => "Seed",
            "C" => "CFG scale",
            "A" => "Sampler",
            _ => continue,
        };
        if let Some(value) = words.next() {
            out.fields.insert(key.to_owned(), value.to_owned());
        }
    }
    out.seed = out.fields.get("Seed").and_then(|s| s.parse().ok());
    out.sampler = out.fields.get("Sampler").cloned();
    out
}

/// One text per field.
fn easy_diffusion(found: &Found, raw: &str) -> Generation {
    let get = |key: &str| found.get(key).map(str::to_owned).filter(|v| !v.trim().is_empty());
    let mut out = unread("easy-diffusion", raw);
    let texts = found.texts.iter().filter(|t| t.value.len() <= MAX_FIELD);
    out.fields = texts.map(|t| (t.key.to_ascii_lowercase(), t.value.clone())).collect();
    out.prompt = get("prompt");
    out.negative = get("negative_prompt").or_else(|| get("negative prompt"));
    out.model = get("use_stable_diffusion_model").or_else(|| get("stable diffusion model"));
    out.sampler = get("sampler_name").or_else(|| get("sampler"));
    out.seed = get("seed").and_then(|s| s.trim().parse().ok());
    out
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]
mod tests {
    use super::*;

    fn found(texts: &[(&str, &str)]) -> Found {
        let mut f = Found::default();
        for (k, v) in texts {
            f.text(*k, *v);
        }
        f
    }

    #[test]
    #[expect(clippy::type_complexity, reason = "a table")]
    fn tools_are_told_apart() {
        let invoke = r#"{"positive_prompt":"a","negative_prompt":"b","seed":5,"model":{"name":"m"},"loras":[{"model":{"name":"l"}}],"scheduler":"euler"}"#;
        let swarm = r#"{"sui_image_params":{"prompt":"a <lora:l:1>","negativeprompt":"b","model":"m","seed":"5","sampler":"euler"}}"#;
        let novel = r#"{"prompt":"a","uc":"b","seed":5,"sampler":"euler"}"#;
        let things = r#"{"c":"a","uc":"b","seed":5,"sampler":"euler","model":"m","lora":[{"file":"l"}]}"#;
        let table: &[(&str, &[(&str, &str)], Option<&str>)] = &[
            ("invokeai", &[("invokeai_metadata", invoke)], None),
            ("swarmui", &[("parameters", swarm)], None),
            ("novelai", &[("Software", "NovelAI"), ("Source", "m"), ("Comment", novel)], None),
            ("draw-things", &[], Some(things)),
            (
                "easy-diffusion",
                &[("prompt", "a"), ("negative_prompt", "b"), ("seed", "5"), ("sampler_name", "euler")],
                None,
            ),
            ("invokeai", &[("Dream", r#""a [b]" -s 30 -S 5 -A euler"#)], None),
            (
                "a1111",
                &[("parameters", "a\nNegative prompt: b\nSteps: 3, Sampler: euler, Seed: 5"), ("prompt", "{}")],
                None,
            ),
        ];
        for (tool, texts, comment) in table {
            let g = generation(&found(texts), *comment).unwrap_or_else(|| panic!("{tool}"));
            assert_eq!(g.tool, *tool);
            assert_eq!(g.prompt.as_deref().map(|p| &p[..1]), Some("a"), "{tool}");
            assert_eq!(g.negative.as_deref(), Some("b"), "{tool}");
            assert_eq!(g.seed, Some(5), "{tool}");
            assert_eq!(g.sampler.as_deref(), Some("euler"), "{tool}");
        }
        assert_eq!(generation(&found(&[("Comment", "Created with GIMP")]), Some("hello")), None);
        assert_eq!(generation(&found(&[("Comment", "{\"a\":1}")]), None), None);
    }
}
