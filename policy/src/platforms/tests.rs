#![allow(clippy::unwrap_used, reason = "tests")]

use super::*;

const HEAD: &str = "platform,placement,kind,width,height,fit,formats,max_bytes,adult_allowed,verified\n";

fn table(rows: &str) -> Result<Platforms, PlatformsError> {
    Platforms::parse(&format!("{HEAD}{rows}"))
}

fn refused(rows: &str) -> Vec<String> {
    table(rows).unwrap_err().0.iter().map(ToString::to_string).collect()
}

#[test]
fn every_shipped_row_is_a_placement() {
    let table = Platforms::parse(Platforms::TEMPLATE).unwrap();
    assert_eq!(table.all().count(), 82);
    assert_eq!(table.all().filter(|p| p.kind == PlacementKind::Image).count(), 60);
    assert_eq!(table.platforms().count(), 22);
    assert_eq!(**shipped(), table);
    for p in table.all() {
        assert_eq!(p.verified.map(|day| day.to_string()).as_deref(), Some("2026-11-23"), "{p:?}");
        assert_eq!(p.width.is_some(), p.height.is_some(), "{p:?}");
        assert!(p.since.is_none() && (p.kind == PlacementKind::Video || !p.formats.is_empty()), "{p:?}");
    }
}

#[test]
fn rows_are_typed() {
    let table = shipped();
    let square = table.get("instagram", "post_square").unwrap();
    assert_eq!((square.width, square.height, square.fit), (Some(1080), Some(1080), Fit::Crop));
    assert_eq!((square.max_bytes, square.adult_allowed), (Some(8_000_000), Adult::No));
    assert_eq!(table.get("bluesky", "post_image").unwrap().formats, ["jpeg", "png", "webp"]);
    assert_eq!(table.get("fanvue", "post_image").unwrap().formats, ["jpeg"]);
    assert_eq!(table.get("snapchat", "story_image").unwrap().adult_allowed, Adult::Unknown);
    assert_eq!(table.get("instagram", "reel").unwrap().kind, PlacementKind::Video);
    assert_eq!(table.placements("instagram").count(), 9);
    assert!(table.get("instagram", "nothing").is_none());
    let reel = table.get("facebook", "reel").unwrap();
    assert_eq!((reel.max_seconds, reel.frame_rates), (Some(90), FrameRates { least: Some(24), most: Some(60) }));
}

#[test]
fn a_bad_cell_is_refused_with_its_row_its_column_and_what_to_write() {
    let bad = "x,post,image,1080,1080,crpo,jpeg,,,\nx,b,iamge,1,1,crop,,,,\nx,c,image,1.080,1,crop,,,,\n\
        x,d,image,0,70000,crop,,,,\nx,e,image,1,1,crop,jpeg|wepb,,,\nx,f,image,1,1,crop,,8 MB,,\n\
        x,g,image,1,1,crop,,,maybe,\n../X Y,h,image,1,1,crop,,,,\nx,i,image,60000,60000,crop,,,,\n\
        x,j,image,1,1,crop,,,,someday\nx,post2,image,1,1,any,,,,\nx,post2,image,1,1,any,,,,\n";
    let said = refused(bad);
    for (row, column, says) in [
        (2, "fit", "`crpo`; did you mean `crop`?"),
        (3, "kind", "`iamge`; did you mean `image`?"),
        (4, "width", "`1.080` is no whole number; write 1080"),
        (5, "width", "0 is too small; write 1 or more"),
        (5, "height", "70000 is too large; write 65500 or less"),
        (6, "formats", "`wepb`; did you mean `webp`?"),
        (7, "max_bytes", "`8 MB` is no whole number; write 8"),
        (8, "adult_allowed", "`maybe`"),
        (9, "platform", "write for example `x_y`"),
        (10, "height", "write at most 3333"),
        (11, "verified", "write it as 2026-11-23"),
        (13, "placement", "`x/post2` stands in row 12 already"),
    ] {
        let start = format!("row {row}, column {column}: ");
        assert!(said.iter().any(|fault| fault.starts_with(&start) && fault.contains(says)), "{start}{says}: {said:#?}");
    }
    assert_eq!(said.len(), 12, "{said:#?}");
    let clips = Platforms::parse(&format!("{},fps\nx,post,video,1,1,crop,,,,,fast\n", HEAD.trim_end())).unwrap_err();
    assert!(clips.to_string().contains("row 2, column fps: `fast` is no frame rate"), "{clips}");
    let more = |cells: &str| {
        let sheet = format!("{},background,upscale\nx,post,image,1,1,pad,,,,,{cells}\n", HEAD.trim_end());
        Platforms::parse(&sheet)
            .map(|table| (table.get("x", "post").unwrap().background, table.get("x", "post").unwrap().upscale))
    };
    assert_eq!(more("#01aBff,yes"), Ok((Background::Colour([1, 171, 255]), true)));
    assert_eq!(more("BLUR,no"), Ok((Background::Blur, false)));
    for wrong in ["#fff,", "#01abfg,", "ffeedd,", "#\u{e9}\u{e9}\u{e9},", "red,"] {
        let said = more(wrong).unwrap_err().to_string();
        assert!(said.contains("row 2, column background") && said.contains("#ffeedd"), "{said}");
    }
    assert!(more(",maybe").unwrap_err().to_string().contains("column upscale"));
    let looks = |kind: &str, cells: &str| {
        let sheet = format!("{},focus,sharpen,watermark\nx,post,{kind},1,1,crop,,,,,{cells}\n", HEAD.trim_end());
        let read = Platforms::parse(&sheet)?;
        let row = read.get("x", "post").unwrap();
        Ok::<_, PlatformsError>((row.attention, row.sharpen, row.watermark.clone()))
    };
    assert_eq!(looks("image", "attention,40,@luna"), Ok((true, Some(40), Watermark::Text("@luna".to_owned()))));
    assert_eq!(looks("image", "centre,,No"), Ok((false, None, Watermark::Refused)));
    assert_eq!(looks("image", ",,"), Ok((false, None, Watermark::Unsaid)));
    assert_eq!(looks("video", ",,no"), Ok((false, None, Watermark::Refused)));
    let long = format!(",,{}", "x".repeat(49));
    for (kind, cells, says) in [
        ("image", "atention,,", "row 2, column focus: "),
        ("image", ",101,", "column sharpen: 101 is too large; write 100 or less"),
        ("image", ",,Lún", "column watermark: `Lún` has letters"),
        ("image", long.as_str(), "column watermark: write at most 48"),
        ("video", ",,@luna", "column watermark: clips carry none"),
    ] {
        let said = looks(kind, cells).unwrap_err().to_string();
        assert!(said.contains(says), "{said}");
    }
    assert_eq!(table(bad).unwrap_err().to_string().matches("(and 11 more)").count(), 1);
}

#[test]
fn a_table_is_read_as_spreadsheets_write_it() {
    let plain = table("x,post,image,1080,1350,crop,jpeg|png,8000000,labelled,2026-11-23\n").unwrap();
    let semicolons = "\u{feff}Notes;Verified;platform;placement;kind;width;height;fit;formats;max_bytes;adult_allowed\r\n\
        \"one; two\r\nlines \"\"quoted\"\"\";23.11.2026;x;post;IMAGE;1080; 1350 ;crop;\"jpg, png\";8000000;labelled\r\n;;;;;;;;;;\r\n\r\n";
    assert_eq!(Platforms::parse(semicolons).unwrap(), plain);
    let tabs = semicolons.replace("jpg, png", "jpg|png").replace("one; two", "one two").replace(';', "\t");
    assert_eq!(Platforms::parse(&tabs).unwrap(), plain);
    assert_eq!(Platforms::parse(&format!("sep=;\r\n{}", &semicolons[3..])).unwrap(), plain);
    let utf16: Vec<u8> = semicolons.encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_eq!(Platforms::parse(&decode(&utf16)).unwrap(), plain);
    assert_eq!(Platforms::parse(&decode(semicolons.as_bytes())).unwrap(), plain);
    let latin: Vec<u8> =
        semicolons[3..].replace("one", "caf@").bytes().map(|b| if b == b'@' { 0xe9 } else { b }).collect();
    assert_eq!(Platforms::parse(&decode(&latin)).unwrap(), plain);
    // A row is counted as the sheet counts it, whatever line breaks its cells hold and however many rows are empty.
    let bad = semicolons.to_owned() + ";;x;other;image;1;1;corp;;;\r\n";
    assert_eq!(Platforms::parse(&bad).unwrap_err().0[0].row, 5, "{bad:?}");
}

#[test]
fn a_table_without_what_it_needs_says_so() {
    let says = |text: &str| Platforms::parse(text).unwrap_err().to_string();
    assert!(says("").contains("empty"));
    assert!(says("platform,placement,kind\n").contains("row 1, column fit: there is no such column"));
    assert!(says("platform,placement,kind,fit,fit\n").contains("column fit: the column stands twice"));
    let least = Platforms::parse("platform,placement,kind,fit\nx,post,image,any\n").unwrap();
    assert_eq!(least.get("x", "post").unwrap().formats, ["jpeg"]);
}

#[test]
fn a_row_is_as_old_as_what_it_makes() {
    let before = table("x,a,image,1,1,crop,,,,\nx,b,image,2,2,crop,,,,\nx,c,image,3,3,crop,,,,\n").unwrap();
    let next = table("x,a,image,1,1,crop,,,,\nx,b,image,2,2,pad,,,,\nx,d,image,3,3,crop,,,yes,2026-11-23\n").unwrap();
    let told = next.difference(&before);
    assert_eq!((told.added, told.removed, told.changed), (vec!["x/d".into()], vec!["x/c".into()], vec!["x/b".into()]));
    let next = next.instead_of(&before, 7);
    let since = |table: &Platforms, id: &str| table.get("x", id).unwrap().since;
    assert_eq!(["a", "b", "d"].map(|id| since(&next, id)), [None, Some(7), Some(7)]);
    // Looked at again it makes what it made.
    let looked =
        table("x,a,image,1,1,crop,,,no,2026-12-01\nx,b,image,2,2,pad,,,,\nx,d,image,3,3,crop,,,yes,2026-11-23\n");
    let looked = looked.unwrap();
    assert_eq!(looked.difference(&next).changed, ["x/a"]);
    let looked = looked.instead_of(&next, 9);
    assert_eq!(["a", "b", "d"].map(|id| since(&looked, id)), [None, Some(7), Some(7)]);
    assert!(looked.difference(&looked.clone().instead_of(&before, 11)).is_empty());
    let kept: Platforms = serde_json::from_str(&serde_json::to_string(&looked).unwrap()).unwrap();
    assert_eq!(kept, looked);
}

/// A verdict of a platform that the library's table has no row for stays to be asked for.
#[test]
fn queries_name_the_platforms_of_the_table_and_those_that_ship() {
    let words = table("myshop,post,image,1,1,crop,,,,\n").unwrap().vocabulary();
    assert!(words.platforms.contains(&"myshop".to_owned()) && words.platforms.contains(&"twitch".to_owned()));
}

#[test]
fn a_readers_mark_stands_where_no_row_refuses_one() {
    let rows = "a,image,crop,@shop\nb,image,crop,\nc,image,crop,no\nd,video,crop,\n";
    let sheet: String = rows.lines().map(|row| format!("x,{row}\n")).collect();
    let table = Platforms::parse(&format!("platform,placement,kind,fit,watermark\n{sheet}")).unwrap();
    let written = |table: &Platforms| {
        ["a", "b", "c", "d"].map(|row| table.get("x", row).unwrap().watermark.text().map(str::to_owned))
    };
    let texts = |texts: [&str; 4]| texts.map(|text| Some(text.to_owned()).filter(|text| !text.is_empty()));
    assert_eq!(written(&table), texts(["@shop", "", "", ""]));
    assert_eq!(written(&table.marked("ada")), texts(["ada", "ada", "", ""]));
    let kept: Platforms = serde_json::from_str(&serde_json::to_string(&table).unwrap()).unwrap();
    assert_eq!(kept, table, "as a catalogue keeps it");
    // A row that now says `no` where it said nothing makes the same files.
    let silent = Platforms::parse("platform,placement,kind,fit,watermark\nx,c,image,crop,\n").unwrap();
    let refusing = Platforms::parse("platform,placement,kind,fit,watermark\nx,c,image,crop,no\n").unwrap();
    assert_eq!(refusing.instead_of(&silent, 7).get("x", "c").unwrap().since, None);
}

#[test]
fn a_members_name_is_written_as_far_as_it_can_be() {
    assert_eq!(watermark::of_member("for {member} only", "ada"), "for ada only");
    assert_eq!(watermark::of_member("{member}", "L\u{fa}n"), "L?n");
    assert_eq!(watermark::of_member("{member}", &"x".repeat(90)).len(), 48);
}
