//! How an image was generated, as found in its file.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Generation metadata as found in a file.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Generation {
    /// `a1111`, `comfyui`, `invokeai`, ...
    pub tool: String,
    /// The raw text exactly as found (infotext, or the JSON of the prompt graph).
    pub raw: String,
    /// The second raw text, when there is one (ComfyUI `workflow`).
    pub workflow: Option<String>,
    /// Every parsed field, as text (`Steps` -> `20`).
    pub fields: BTreeMap<String, String>,
    pub prompt: Option<String>,
    pub negative: Option<String>,
    pub model: Option<String>,
    pub sampler: Option<String>,
    pub seed: Option<i64>,
    pub loras: Vec<String>,
    /// What is not as the file has it, since it was too long.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cut: Vec<String>,
    /// The file no longer carries it: an editor stripped it. Never set by the reader of files.
    #[serde(default)]
    pub inherited: bool,
    /// The number of the version that last said it itself. Never set by the reader of files.
    #[serde(default)]
    pub version: Option<u32>,
}
