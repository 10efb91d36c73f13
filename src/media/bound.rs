//! What is kept of generation metadata: enough of any real file's, and little of a hostile one's.
//!
//! The raw text is kept once and whole, as far as files are read at all. What is read out of it stands beside it, for searching and for
//! showing, and is short.

use super::found::{MAX_TEXT, cut};
use crate::types::Generation;

/// Most of a prompt or a caption that is kept and searched.
const MAX_SEARCHED: usize = 64 * 1024;
/// Most bytes of all parsed fields.
const MAX_FIELDS: usize = 64 * 1024;
/// Longest name of a model, a sampler or a LoRA: it must fit into a directory's name.
const MAX_NAME: usize = 200;
const MAX_LORAS: usize = 256;

/// Cuts what is too long, and says so.
pub(super) fn generation(made: &mut Generation) {
    let Generation { raw, workflow, fields, prompt, negative, model, sampler, loras, cut: said, .. } = made;
    let mut note = |what: &str| said.push(format!("{what} is too long and was cut"));
    let texts = [
        (Some(raw), "the raw text", MAX_TEXT),
        (workflow.as_mut(), "the workflow", MAX_TEXT),
        (prompt.as_mut(), "the prompt", MAX_SEARCHED),
        (negative.as_mut(), "the negative prompt", MAX_SEARCHED),
    ];
    for (text, what, most) in texts {
        if text.is_some_and(|text| cut(text, most)) {
            note(what);
        }
    }
    for (name, what) in [(model, "the model's name"), (sampler, "the sampler's name")] {
        if name.as_ref().is_some_and(|name| name.len() > MAX_NAME) {
            *name = None;
            note(what);
        }
    }
    let before = (loras.len(), fields.len());
    loras.retain(|name| name.len() <= MAX_NAME);
    loras.truncate(MAX_LORAS);
    let mut room = MAX_FIELDS;
    fields.retain(|key, value| {
        let kept = room.checked_sub(key.len().saturating_add(value.len()));
        room = kept.unwrap_or(room);
        kept.is_some()
    });
    if loras.len() < before.0 {
        note("the list of LoRAs");
    }
    if fields.len() < before.1 {
        note("the list of fields");
    }
}

/// A caption, as far as it is searched.
pub(super) fn caption(mut text: String) -> String {
    cut(&mut text, MAX_SEARCHED);
    text
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_long_is_cut_and_said_and_the_rest_stays() {
        let long = |n: usize| "é".repeat(n / 2);
        let mut made = Generation {
            raw: long(3 * MAX_TEXT),
            prompt: Some(long(MAX_TEXT)),
            model: Some("sdxl".into()),
            sampler: Some(long(1000)),
            seed: Some(7),
            loras: vec!["detail".into(), long(1000)],
            fields: [("Steps".to_owned(), "20".to_owned()), ("Hires prompt".to_owned(), long(MAX_TEXT))].into(),
            ..Generation::default()
        };
        generation(&mut made);
        assert_eq!((made.raw.len(), made.prompt.unwrap().len()), (MAX_TEXT, MAX_SEARCHED));
        assert_eq!((made.model.as_deref(), made.sampler, made.seed), (Some("sdxl"), None, Some(7)));
        assert_eq!((made.loras, made.fields.len()), (vec!["detail".to_owned()], 1));
        assert_eq!(made.cut.len(), 5, "{:?}", made.cut);

        let real = Generation { raw: "a cat\nSteps: 20".into(), prompt: Some("a cat".into()), ..Generation::default() };
        let mut kept = real.clone();
        generation(&mut kept);
        assert_eq!(kept, real);
    }
}
