#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use super::*;
use crate::platforms;

fn table(rows: &str) -> Platforms {
    let head = "platform,placement,kind,fit,caption_max,hashtags_max,ai_label_required\n";
    Platforms::parse(&format!("{head}{rows}")).unwrap()
}

fn post<'a>(note: &'a str, tags: &[&'a str]) -> Post<'a> {
    Post { note, tags: tags.to_vec(), ..Post::default() }
}

const BOOK: &str =
    "text = \"{{ note or title }}\\n{{ hashtags }}\\n{{ disclosure }}\"\ndisclosure = \"Made with AI.\"\n";

fn said(book: &str, row: &str, post: &Post<'_>) -> Result<Option<String>, String> {
    let table = table(row);
    let book = Captions::parse(book, Some(&table)).unwrap_or_else(|e| panic!("{e}"));
    book.caption(table.all().next().unwrap(), post)
}

#[test]
fn a_caption_is_of_what_there_is() {
    let full = Post { generated: true, ..post("Luna  at sea ", &["places/beach", "red dress", "2026", "Beach"]) };
    let caption = |row: &str, post: &Post<'_>| said(BOOK, row, post).unwrap();
    assert_eq!(
        caption("x,post,image,any,280,,yes", &full).as_deref(),
        Some("Luna at sea\n#beach #reddress\nMade with AI.\n")
    );
    assert_eq!(caption("x,post,image,any,280,,auto", &full).as_deref(), Some("Luna at sea\n#beach #reddress\n"));
    let bare = Post { generated: true, ..Post::default() };
    assert_eq!(caption("x,post,image,any,,,yes", &bare).as_deref(), Some("Made with AI.\n"));
    assert_eq!(caption("x,post,image,any,280,,yes", &Post::default()), None, "nothing to say, no file");
    assert_eq!(caption("x,avatar,image,any,,,", &full), None, "nobody writes a caption there");
    let titled = Post { title: "Sea", ..Post::default() };
    assert_eq!(caption("x,post,image,any,280,,", &titled).as_deref(), Some("Sea\n"));
}

#[test]
fn the_nearest_section_says_it() {
    let book = format!(
        "{BOOK}link = \"l0\"\n[x]\ntext = \"X {{{{ persona }}}} {{{{ link }}}} {{{{ hashtags }}}}\"\nhashtags = [\"#ai\"]\ntags = [\"social\"]\n[x.post]\nlink = \"l2\"\n[x.avatar]\n"
    );
    let luna = Post { personas: vec!["luna"], tags: vec!["social/sea", "to-mend", "socialite"], ..Post::default() };
    let caption = |row: &str| said(&book, &format!("{row}x,post,image,any,9,,\nx,avatar,image,any,,,"), &luna).unwrap();
    assert_eq!(caption("").as_deref(), Some("X luna\u{20}l2\n"), "cut to nine: no hashtags");
    let rows = table("x,post,image,any,280,,\nx,avatar,image,any,,,\nx,reel,image,any,280,,\nx,header,image,any,,,\n");
    let book = Captions::parse(&book, Some(&rows)).unwrap();
    let of = |placement: &str| book.caption(rows.get("x", placement).unwrap(), &luna).unwrap();
    assert_eq!(of("post").as_deref(), Some("X luna l2 #ai #sea\n"));
    assert_eq!(of("reel").as_deref(), Some("X luna l0 #ai #sea\n"));
    assert_eq!(of("avatar").as_deref(), Some("X luna l0 #ai #sea\n"), "it has a section of its own");
    assert_eq!(of("header"), None);
}

#[test]
fn words_give_way_before_hashtags_and_the_disclosure_never() {
    let long = Post { generated: true, ..post("one two three four five six seven eight nine ten", &["sea", "sky"]) };
    let caption = |most: u32, tags: &str| said(BOOK, &format!("x,post,image,any,{most},{tags},yes"), &long);
    for most in 13..70 {
        let text = caption(most, "").unwrap().unwrap();
        let body = text.trim_end_matches('\n');
        assert!(body.encode_utf16().count() <= most as usize && body.ends_with("Made with AI."), "{most}: {body}");
        assert!(most < 23 || body.contains("#sea #sky"), "{most}: {body}");
        assert!(!body.contains("#sky") || body.contains("#sea"), "{most}: {body}");
    }
    assert_eq!(caption(40, "").unwrap().as_deref(), Some("one two three…\n#sea #sky\nMade with AI.\n"));
    assert_eq!(caption(12, "").unwrap_err(), "it has 13 characters without any words, and 12 are taken");
    assert_eq!(
        caption(200, "1").unwrap().as_deref(),
        Some("one two three four five six seven eight nine ten\n#sea\nMade with AI.\n")
    );
    assert!(caption(200, "0").unwrap().is_some_and(|text| !text.contains('#')));
    let shouts = post("#a #b #c", &[]);
    let refused = said(BOOK, "x,post,image,any,280,2,", &shouts).unwrap_err();
    assert_eq!(refused, "it has 3 hashtags of its own, and 2 are taken");
    let moon = "🌕".repeat(30);
    let emoji = said(BOOK, "x,post,image,any,20,,", &post(&moon, &[])).unwrap().unwrap();
    assert!(emoji.trim_end().encode_utf16().count() <= 20, "{emoji}");
    let title = Post { title: "a long title of many words", note: "n", ..Post::default() };
    assert_eq!(
        said("text = \"{{ title }} {{ note }}\"\ndisclosure = \"d\"", "x,post,image,any,12,,", &title)
            .unwrap()
            .as_deref(),
        Some("a long…\n")
    );
}

/// Regression: `#ai` was taken as said by `#airbrush`, and a disclosure with two spaces was said twice.
#[test]
fn a_disclosure_is_said_by_its_own_words_and_once() {
    let generated = |note: &'static str| Post { generated: true, ..post(note, &[]) };
    let caption = |disclosure: &str, note| {
        let book = format!("text = \"{{{{ note }}}}\"\ndisclosure = \"{disclosure}\"");
        said(&book, "x,post,image,any,280,,yes", &generated(note)).unwrap().unwrap()
    };
    assert_eq!(caption("#ai", "an #airbrush"), "an #airbrush\n#ai\n");
    assert_eq!(caption("#ai", "an #aim, #ai"), "an #aim, #ai\n");
    assert_eq!(caption("made by AI", "remade by AI"), "remade by AI\nmade by AI\n");
    assert_eq!(caption("Made  with AI.", "Made with AI."), "Made with AI.\n");
}

#[test]
fn a_template_that_leaves_the_disclosure_out_has_it_at_its_end() {
    let generated = Post { generated: true, ..post("hi", &[]) };
    let book = "text = \"{{ note }}\"\ndisclosure = \"#ai\"";
    assert_eq!(said(book, "x,post,image,any,280,,yes", &generated).unwrap().as_deref(), Some("hi\n#ai\n"));
}

#[test]
fn a_mistake_is_told_with_its_line() {
    let rows = table("x,post,image,any,280,,yes\ninstagram,reel,video,any,,,\n");
    let refused = |text: &str| Captions::parse(text, Some(&rows)).unwrap_err().to_string();
    let with = |rest: &str| refused(&format!("disclosure = \"d\"\n{rest}"));
    assert!(
        with("[instagrm]\n")
            .starts_with("captions.toml line 2: unknown platform `instagrm`; did you mean `instagram`?")
    );
    assert!(with("[instagram.real]\n").starts_with("captions.toml line 2: unknown placement `real`"));
    assert!(with("txt = \"a\"\n").starts_with("captions.toml line 2: unknown key `txt`"));
    assert!(
        with("[x]\ntext = \"\"\"\nhello\n{{ nte }}\n\"\"\"\n")
            .starts_with("captions.toml line 5: `text`: unknown name `nte`"),
        "{}",
        with("[x]\ntext = \"\"\"\nhello\n{{ nte }}\n\"\"\"\n")
    );
    let broken = with("text = \"\"\"\na\nb\n{% if %}\n\"\"\"\n");
    assert!(broken.starts_with("captions.toml line 5: `text`: syntax error"), "{broken}");
    assert!(with("text = \"{% include 'x' %}\"").contains("line 2"), "no template reaches another");
    assert!(refused("disclosure = \" \"").contains("line 1: `disclosure` is empty"));
    assert!(refused("text = \"a\"").contains("x/post wants a `disclosure`"));
    assert!(with("hashtags = \"a\"").contains("`hashtags` is a list"));
    assert!(with("[x.post.more]\n").contains("unknown key `more`"));
}

#[test]
fn a_template_that_never_ends_is_ended() {
    let book =
        "text = \"{% for a in range(9999) %}{% for b in range(9999) %}.{% endfor %}{% endfor %}\"\ndisclosure = \"d\"";
    let refused = said(book, "x,post,image,any,280,,", &post("n", &[])).unwrap_err();
    assert!(refused.starts_with("its template came to nothing"), "{refused}");
}

#[test]
fn the_shipped_templates_are_read_and_fit_every_placement() {
    let book = Captions::parse(Captions::TEMPLATE, Some(platforms::shipped())).unwrap_or_else(|e| panic!("{e}"));
    let note = "word ".repeat(20_000);
    let tags: Vec<String> = (0..60).map(|n| format!("t{n}")).collect();
    let long = Post { generated: true, ..post(&note, &tags.iter().map(String::as_str).collect::<Vec<_>>()) };
    let mut seen = 0;
    for row in platforms::shipped().all() {
        let Some(text) = book.caption(row, &long).unwrap_or_else(|e| panic!("{}: {e}", row.path())) else { continue };
        seen += 1;
        assert!(row.caption_max.is_none_or(|most| text.trim_end().chars().count() <= most as usize), "{}", row.path());
        let tags = text.split_whitespace().filter(|word| word.starts_with('#')).count();
        assert!(row.hashtags_max.is_none_or(|most| tags <= most as usize), "{}", row.path());
    }
    assert!(seen > 30, "{seen}");
    assert!(!book.has(platforms::shipped().get("discord", "avatar").unwrap()));
}
