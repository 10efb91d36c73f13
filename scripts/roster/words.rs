//! What the pictures are about, and how the generators write it down.

use serde::Serialize;
use serde_json::ser::{CompactFormatter, Formatter};
use serde_json::{Value, json};

use crate::seeds::Seeds;

/// Who is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Persona {
    Luna,
    Mira,
    Kai,
    Nova,
}

impl Persona {
    pub const ALL: [Self; 4] = [Self::Luna, Self::Mira, Self::Kai, Self::Nova];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Luna => "luna",
            Self::Mira => "mira",
            Self::Kai => "kai",
            Self::Nova => "nova",
        }
    }

    const fn looks(self) -> &'static str {
        match self {
            Self::Luna => "silver hair, pale blue dress",
            Self::Mira => "curly auburn hair, linen shirt",
            Self::Kai => "short black hair, denim jacket",
            Self::Nova => "violet bob cut, chrome jacket",
        }
    }

    /// As a prompt in the persona's own tongue has it; beyond Latin-1, so that PNG needs iTXt for it.
    const fn afar(self) -> &'static str {
        match self {
            Self::Luna => "月光の少女、銀髪、柔らかい光",
            Self::Mira => "девушка с каштановыми кудрями, мягкий свет",
            Self::Kai => "검은 머리의 청년, 청재킷, 노을",
            Self::Nova => "νυχτερινή πόλη, βιολετί μαλλιά, νέον",
        }
    }
}

/// Where it plays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scene {
    Beach,
    City,
    Mountains,
    Studio,
}

impl Scene {
    const ALL: [Self; 4] = [Self::Beach, Self::City, Self::Mountains, Self::Studio];

    const fn words(self) -> &'static str {
        match self {
            Self::Beach => "on a quiet beach, sunset over the sea, gentle waves",
            Self::City => "on a rooftop, city skyline at night, neon lights",
            Self::Mountains => "mountain ridge at dawn, layered mist, wide shot",
            Self::Studio => "studio portrait, seamless backdrop, softbox, bokeh",
        }
    }

    const fn tags(self) -> &'static [&'static str] {
        match self {
            Self::Beach => &["beach", "sunset"],
            Self::City => &["city", "night"],
            Self::Mountains => &["mountains", "dawn"],
            Self::Studio => &["studio", "portrait"],
        }
    }
}

/// Which program made it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tool {
    A1111,
    Comfy,
}

const NEGATIVE: &str = "lowres, bad anatomy, extra fingers, watermark, text";
const MODELS: [(&str, &str); 3] =
    [("juggernautXL_v9", "d91d35736d"), ("dreamshaperXL_v21", "4496b36d48"), ("sd_xl_base_1.0", "31e35c80fc")];
const LORAS: [(&str, &str); 3] =
    [("add_detail", "7c6bad76eb54"), ("film_grain_xl", "2f9e0d1c44aa"), ("soft_light", "b19c7a5540ee")];
const SAMPLERS: [Sampler; 3] = [
    Sampler { a1111: ("DPM++ 2M", "Karras"), comfy: ("dpmpp_2m", "karras") },
    Sampler { a1111: ("Euler a", "Automatic"), comfy: ("euler_ancestral", "normal") },
    Sampler { a1111: ("DPM++ SDE", "Karras"), comfy: ("dpmpp_sde", "karras") },
];

/// A sampler and its scheduler as each program calls them.
#[derive(Debug, Clone, Copy)]
struct Sampler {
    a1111: (&'static str, &'static str),
    comfy: (&'static str, &'static str),
}

/// What was asked of the generator for one picture.
#[derive(Debug)]
pub struct Story {
    pub tool: Tool,
    pub scene: Scene,
    pub seed: u32,
    /// `dc:subject`; empty when the picture carries no XMP.
    pub keywords: Vec<&'static str>,
    prompt: String,
    model: (&'static str, &'static str),
    lora: (&'static str, &'static str),
    sampler: Sampler,
    steps: u32,
    size: (u32, u32),
}

impl Story {
    /// Makes up the request for picture `number` of a persona.
    pub fn tell(persona: Persona, tool: Tool, number: u32, size: (u32, u32), seeds: &mut Seeds) -> Self {
        let scene = Scene::ALL[usize::try_from(number).unwrap_or(0) % Scene::ALL.len()];
        let seed = u32::try_from(seeds.next() >> 32).unwrap_or(1);
        let mut prompt = format!("photo of {}, {}, {}, best quality", persona.name(), persona.looks(), scene.words());
        if number % 5 == 2 {
            prompt = format!("{}, {prompt}", persona.afar());
        }
        let keywords = if number.is_multiple_of(3) { Vec::new() } else { scene.tags().to_vec() };
        Self {
            tool,
            scene,
            seed,
            keywords,
            prompt,
            model: seeds.pick(&MODELS),
            lora: seeds.pick(&LORAS),
            sampler: seeds.pick(&SAMPLERS),
            steps: 20 + u32::try_from(seeds.below(16)).unwrap_or(0),
            size,
        }
    }

    /// The text that the A1111 web UI stores as `parameters`.
    pub fn infotext(&self) -> String {
        let (sampler, schedule) = self.sampler.a1111;
        let (lora, lora_hash) = self.lora;
        let (model, model_hash) = self.model;
        format!(
            "{}, <lora:{lora}:0.8>\nNegative prompt: {NEGATIVE}\nSteps: {}, Sampler: {sampler}, Schedule type: {schedule}, \
             CFG scale: 7, Seed: {}, Size: {}x{}, Model hash: {model_hash}, Model: {model}, \
             Lora hashes: \"{lora}: {lora_hash}\", Version: v1.10.1",
            self.prompt, self.steps, self.seed, self.size.0, self.size.1
        )
    }

    /// ComfyUI's API graph, stored as `prompt`.
    pub fn graph(&self) -> String {
        let (sampler, scheduler) = self.sampler.comfy;
        let node = |class: &str, title: &str, inputs: Value| json!({ "inputs": inputs, "class_type": class, "_meta": { "title": title } });
        python_json(&json!({
            "3": node("KSampler", "KSampler", json!({
                "seed": self.seed, "steps": self.steps, "cfg": 7.0, "sampler_name": sampler, "scheduler": scheduler,
                "denoise": 1.0, "model": ["10", 0], "positive": ["6", 0], "negative": ["7", 0], "latent_image": ["5", 0],
            })),
            "4": node("CheckpointLoaderSimple", "Load Checkpoint", json!({
                "ckpt_name": format!("{}.safetensors", self.model.0),
            })),
            "5": node("EmptyLatentImage", "Empty Latent Image", json!({
                "width": self.size.0, "height": self.size.1, "batch_size": 1,
            })),
            "6": node("CLIPTextEncode", "CLIP Text Encode (Prompt)", json!({ "text": self.prompt, "clip": ["10", 1] })),
            "7": node("CLIPTextEncode", "CLIP Text Encode (Prompt)", json!({ "text": NEGATIVE, "clip": ["10", 1] })),
            "8": node("VAEDecode", "VAE Decode", json!({ "samples": ["3", 0], "vae": ["4", 2] })),
            "9": node("SaveImage", "Save Image", json!({ "filename_prefix": "ComfyUI", "images": ["8", 0] })),
            "10": node("LoraLoader", "Load LoRA", json!({
                "lora_name": format!("{}.safetensors", self.lora.0), "strength_model": 0.8, "strength_clip": 0.8,
                "model": ["4", 0], "clip": ["4", 1],
            })),
        }))
    }

    /// ComfyUI's editor graph, stored as `workflow`.
    pub fn workflow(&self) -> String {
        let (sampler, scheduler) = self.sampler.comfy;
        let node = |id: u32, class: &str, widgets: Value| {
            json!({
                "id": id, "type": class, "pos": [id * 240, 180], "size": [315, 262], "flags": {}, "order": id - 3, "mode": 0,
                "properties": { "Node name for S&R": class }, "widgets_values": widgets,
            })
        };
        python_json(&json!({
            "last_node_id": 10,
            "last_link_id": 12,
            "nodes": [
                node(4, "CheckpointLoaderSimple", json!([format!("{}.safetensors", self.model.0)])),
                node(10, "LoraLoader", json!([format!("{}.safetensors", self.lora.0), 0.8, 0.8])),
                node(6, "CLIPTextEncode", json!([self.prompt])),
                node(7, "CLIPTextEncode", json!([NEGATIVE])),
                node(5, "EmptyLatentImage", json!([self.size.0, self.size.1, 1])),
                node(3, "KSampler", json!([self.seed, "randomize", self.steps, 7.0, sampler, scheduler, 1.0])),
                node(8, "VAEDecode", json!([])),
                node(9, "SaveImage", json!(["ComfyUI"])),
            ],
            "links": [
                [1, 4, 0, 10, 0, "MODEL"], [2, 4, 1, 10, 1, "CLIP"], [3, 10, 0, 3, 0, "MODEL"], [4, 10, 1, 6, 0, "CLIP"],
                [5, 10, 1, 7, 0, "CLIP"], [6, 6, 0, 3, 1, "CONDITIONING"], [7, 7, 0, 3, 2, "CONDITIONING"],
                [8, 5, 0, 3, 3, "LATENT"], [9, 3, 0, 8, 0, "LATENT"], [10, 4, 2, 8, 1, "VAE"], [11, 8, 0, 9, 0, "IMAGE"],
            ],
            "groups": [],
            "config": {},
            "extra": { "ds": { "scale": 1.0, "offset": [0, 0] } },
            "version": 0.4,
        }))
    }

    /// An XMP packet with the keywords; `None` when there are none.
    pub fn xmp(&self) -> Option<String> {
        if self.keywords.is_empty() {
            return None;
        }
        let items: String = self.keywords.iter().map(|k| format!("<rdf:li>{k}</rdf:li>")).collect();
        Some(format!(
            "<?xpacket begin=\"\u{feff}\" id=\"W5M0MpCehiHzreSzNTczkc9d\"?>\
             <x:xmpmeta xmlns:x=\"adobe:ns:meta/\"><rdf:RDF xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\">\
             <rdf:Description rdf:about=\"\" xmlns:dc=\"http://purl.org/dc/elements/1.1/\">\
             <dc:subject><rdf:Bag>{items}</rdf:Bag></dc:subject>\
             </rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end=\"w\"?>"
        ))
    }
}

/// JSON as Python's `json.dumps` writes it: `, ` and `: `, and ASCII alone.
fn python_json(value: &Value) -> String {
    let mut out = Vec::new();
    let mut writer = serde_json::Serializer::with_formatter(&mut out, Python(CompactFormatter));
    // Writing a `Value` into memory has nothing to fail on.
    let _ = value.serialize(&mut writer);
    String::from_utf8_lossy(&out).into_owned()
}

struct Python(CompactFormatter);

impl Formatter for Python {
    fn begin_array_value<W: ?Sized + std::io::Write>(&mut self, w: &mut W, first: bool) -> std::io::Result<()> {
        if first { Ok(()) } else { w.write_all(b", ") }
    }

    fn begin_object_key<W: ?Sized + std::io::Write>(&mut self, w: &mut W, first: bool) -> std::io::Result<()> {
        if first { Ok(()) } else { w.write_all(b", ") }
    }

    fn begin_object_value<W: ?Sized + std::io::Write>(&mut self, w: &mut W) -> std::io::Result<()> {
        w.write_all(b": ")
    }

    fn write_string_fragment<W: ?Sized + std::io::Write>(&mut self, w: &mut W, text: &str) -> std::io::Result<()> {
        for c in text.chars() {
            if c.is_ascii() {
                self.0.write_string_fragment(w, c.encode_utf8(&mut [0; 4]))?;
            } else {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    write!(w, "\\u{unit:04x}")?;
                }
            }
        }
        Ok(())
    }
}
