//! The README's examples are true.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use damfs_policy::{
    Alerts, Captions, Case, CaseWho, Expr, Field, FieldKind, Glossary, Platforms, Post, RoleBook, Subject, Vocabulary,
    parse,
};

const README: &str = include_str!("../README.md");

/// The lines of every block of one language.
fn blocks(language: &str) -> Vec<String> {
    let open = format!("```{language}\n");
    README.split(&open).skip(1).map(|rest| rest.split("```").next().unwrap_or_default().to_owned()).collect()
}

/// A query and its explanation are two spaces apart.
fn queries(language: &str) -> Vec<String> {
    let text = blocks(language).join("");
    text.lines().filter(|l| !l.is_empty()).map(|l| l.split("  ").next().unwrap_or(l).to_owned()).collect()
}

#[test]
fn every_query_parses_and_comes_back() {
    let queries = queries("query");
    assert!(queries.len() > 20);
    for text in queries {
        let expr = parse(&text).unwrap_or_else(|e| panic!("{text}: {e}"));
        assert_eq!(expr.to_string(), text);
    }
}

#[test]
fn every_wrong_query_is_refused() {
    let wrong = queries("error");
    assert!(wrong.len() > 3);
    for text in wrong {
        assert!(parse(&text).is_err(), "{text}");
    }
}

#[test]
fn every_role_file_is_read() {
    for text in blocks("toml") {
        RoleBook::parse(&text).unwrap();
    }
    assert_eq!(blocks("toml").len(), 4);
}

#[test]
fn every_case_holds_for_the_role_on_this_page() {
    let (roles, cases) = (blocks("toml"), blocks("cases"));
    assert_eq!(cases.len(), 2);
    for (roles, cases) in [(&roles[0], &cases[0]), (&roles[3], &cases[1])] {
        cases_hold(&RoleBook::parse(roles).unwrap(), cases);
    }
}

fn cases_hold(book: &RoleBook, cases: &str) {
    for case in Case::parse_all(cases, &Vocabulary::shipped()).unwrap() {
        let CaseWho::Role { role, scope } = &case.who else { panic!("line {}", case.line) };
        let subject = Subject::new(case.who.name(), book.get(role).unwrap(), scope.clone());
        assert_eq!(case.failures(subject), [], "line {}", case.line);
    }
}

#[test]
fn every_glossary_is_read_and_means_what_is_said() {
    let texts = blocks("glossary");
    assert_eq!(texts.len(), 1);
    for text in texts {
        let glossary = Glossary::parse(&text).unwrap();
        let meant = glossary.widen(&parse("tag=seaside").unwrap()).to_string();
        assert_eq!(meant, "tag=beach+places.strand+seaside");
        assert_eq!(glossary.canonical(&Field::Tag, "seaside/north"), "beach/north");
        assert!(glossary.knows(&Field::Tag, "campaigns/summer"));
    }
}

#[test]
fn the_table_of_fields_is_complete() {
    for field in Field::ALL {
        let row = README.lines().find(|l| l.starts_with("| `") && l.contains(&format!("`{field}`")));
        let row = row.unwrap_or_else(|| panic!("{field} is not in the table"));
        if let FieldKind::Closed(values) = field.kind() {
            assert!(row.contains(&values.join(", ")), "{field}");
        }
    }
    assert_eq!(parse("not.any()"), Ok(Expr::all()));
}

#[test]
fn every_sheet_of_platforms_is_read() {
    let sheets = blocks("platforms");
    assert_eq!(sheets.len(), 1);
    for sheet in sheets {
        let table = Platforms::parse(&sheet).unwrap();
        assert_eq!(table.get("myshop", "front").unwrap().formats, ["webp", "jpeg"]);
    }
}

#[test]
fn every_text_of_captions_is_read_and_says_what_is_said() {
    let texts = blocks("captions");
    assert_eq!(texts.len(), 1);
    for text in texts {
        let book = Captions::parse(&text, Some(damfs_policy::platforms::shipped())).unwrap();
        let row = damfs_policy::platforms::shipped().get("instagram", "reel").unwrap();
        let post =
            Post { note: "Luna at sea", tags: vec!["social/beach", "to-mend"], generated: true, ..Post::default() };
        let said = book.caption(row, &post).unwrap().unwrap();
        assert_eq!(said, "Luna at sea\n\n#aiart #beach\nMade with AI.\nlink in bio\n");
    }
}

#[test]
fn the_alerts_on_this_page_are_read() {
    let texts = blocks("alerts");
    assert_eq!(texts.len(), 1);
    assert_eq!(Alerts::parse(&texts[0]).unwrap().rules().len(), 2);
}
