//! `dam show`: the full record of an asset.

use std::process::ExitCode;

use serde_json::Value;

use super::args::{Global, ShowArgs};
use super::{Done, backend, print, target};
use crate::ops::proto::Command;

/// Shows.
pub fn run(global: &Global, args: &ShowArgs) -> Done {
    let record = backend::run(global, &[&args.target], |root| {
        Ok(Command::Show { target: target::resolve(root, &args.target)? })
    })?;
    if global.json {
        print::json(&record)?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut text = String::new();
    for (key, value) in record.as_object().into_iter().flatten() {
        let line = match (key.as_str(), value) {
            (_, Value::Null) => continue,
            // What a program needs to put the record back.
            ("record" | "file" | "path_bytes", _) => continue,
            (_, Value::Array(values)) if values.is_empty() => continue,
            ("generation", value) if value["inherited"] == true => {
                format!("{} (inherited: version {} said so last)", print::word(&value["tool"]), value["version"])
            }
            ("generation", value) => print::word(&value["tool"]),
            ("status", Value::Object(verdicts)) => verdicts
                .iter()
                .map(|(p, v)| {
                    let why = v["reason"].as_str().map(|why| format!(": {}", print::safe(why))).unwrap_or_default();
                    let [word, by] = ["value", "by"].map(|key| print::word(&v[key]));
                    format!("{p} {word} (version {}, {by}){why}", v["version"])
                })
                .collect::<Vec<_>>()
                .join(", "),
            ("remark", Value::Array(remarks)) => remarks.iter().map(said).collect::<Vec<_>>().join("\n"),
            ("versions", Value::Array(versions)) => versions
                .iter()
                .map(|v| {
                    let size = v["size"].as_u64().map(|size| format!("{}, ", print::bytes(size))).unwrap_or_default();
                    format!("{} ({size}{})", v["n"], print::word(&v["made"]))
                })
                .collect::<Vec<_>>()
                .join(", "),
            ("conflict", Value::Object(fields)) => {
                fields.keys().map(|field| print::safe(field)).collect::<Vec<_>>().join(", ")
            }
            ("size", value) => value.as_u64().map(print::bytes).unwrap_or_default(),
            (_, value) => print::word(value),
        };
        if !line.is_empty() {
            text.push_str(&format!("{key:<12} {}\n", line.replace('\n', "\n             ")));
        }
    }
    print::out(text.as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

/// Who said what of which version.
fn said(remark: &Value) -> String {
    let about = remark["about"].as_str().map(|about| format!(", {about}")).unwrap_or_default();
    let [by, text] = ["by", "text"].map(|key| print::safe(remark[key].as_str().unwrap_or_default()));
    format!("{by} (version {}{about}): {text}", remark["version"])
}
