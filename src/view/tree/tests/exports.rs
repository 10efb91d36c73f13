use std::collections::BTreeMap;

use super::*;
use crate::catalog::{Outcome, RenditionRow};
use crate::media::RENDERER;
use crate::policy::platforms::shipped;
use crate::types::RenditionNo;
use crate::view::recipes::recipe_for;

/// Regression: what was listed before a certificate's end stayed listed behind it.
#[test]
fn what_is_signed_follows_the_clock_from_the_certificates_end_on() {
    let (lib, admin) = (lib(), admin());
    let Some(Item::Dir(exports)) = lib.resolve(&admin, "platforms/onlyfans/post_image") else { panic!() };
    let ended = || {
        let is_kept = Arc::new(|_: &str| true);
        Lacks { signed: Some(Unsigned { why: "it ended".into(), is_kept }), ..Lacks::default() }
    };
    assert!(follows_clock(&exports, ended) && !follows_clock(&exports, Lacks::default));
    for (path, follows) in [("review/overdue", true), ("review/mine", false), ("saved", true), ("platforms", false)] {
        let Some(Item::Dir(dir)) = lib.resolve(&admin, path) else { panic!("{path}") };
        assert_eq!(follows_clock(&dir, ended), follows, "{path}");
    }
}

#[test]
fn exports_are_what_is_approved_and_allowed_there() {
    let (lib, admin) = (lib(), admin());
    assert_eq!(lib.ls(&admin, "platforms/instagram/post_square"), ["l1.jpg"], "adult is not allowed");
    assert_eq!(lib.ls(&admin, "platforms/onlyfans/post_image"), ["l1.jpg", "l2.jpg"]);
    assert_eq!(lib.ls(&admin, "platforms/snapchat/story_image"), [""; 0], "nobody said that adult is allowed");
    let tiktok = lib.ls(&admin, "platforms/tiktok/photo");
    assert_eq!(tiktok, ["m1.jpg"]);
    assert!(lib.ls(&admin, "platforms/x").contains(&"post_gif".to_owned()));
    assert!(!lib.has(&admin, "platforms/instagram/reel"), "no moving pictures yet");
    for name in ["l2.jpg", "l1.png", "l1", "m1.jpg"] {
        assert!(!lib.has(&admin, &format!("platforms/instagram/post_square/{name}")), "{name}");
    }
    let Some(Item::Export(asset, version, placement)) = lib.resolve(&admin, "platforms/onlyfans/post_image/l2.jpg")
    else {
        panic!()
    };
    assert_eq!((asset.ordinal, version.id, placement.placement.as_str()), (2, version_id(2), "post_image"));
    assert!(circulates(&asset, &version, &placement));
    assert!(!circulates(&asset, &VersionRow { id: version_id(9), ..version.clone() }, &placement), "another version");
    assert!(!circulates(&asset, &VersionRow { kind: "video".into(), ..version.clone() }, &placement));
    assert!(!circulates(&Asset { state: AssetState::Expired, ..asset.clone() }, &version, &placement));
    assert!(!circulates(&Asset { status: BTreeMap::new(), ..asset }, &version, &placement));
    assert_eq!(lib.ls(&who("content-creator", None), "platforms/instagram/post_square"), [""; 0], "may not export");
}

#[test]
fn what_this_renderer_could_not_render_is_not_listed() {
    let (lib, admin) = (lib(), admin());
    let shown = lib.resolve(&admin, "platforms/instagram/post_square/l1.jpg");
    let Some(Item::Export(asset, version, placement)) = shown else { panic!() };
    let failed = |no, renderer| RenditionRow {
        no: RenditionNo(no),
        content: version.content,
        recipe: lib.read(&admin, |tree| recipe_for(tree.tx, &asset, &version, &placement, None, None).unwrap().hash()),
        renderer,
        outcome: Outcome::Failed("the file is damaged".into()),
        since: Timestamp::EPOCH,
    };
    lib.write(|tx| tx.put_rendition(&failed(1, RENDERER + 1)));
    assert_eq!(lib.ls(&admin, "platforms/instagram/post_square"), ["l1.jpg"], "another renderer tries again");
    lib.write(|tx| tx.put_rendition(&failed(2, RENDERER)));
    assert_eq!(lib.ls(&admin, "platforms/instagram/post_square"), [""; 0]);
    assert!(!lib.has(&admin, "platforms/instagram/post_square/l1.jpg"));
    let why = |name: &str| lib.resolve(&admin, &format!(".dam/why/platforms/instagram/post_square/{name}"));
    assert!(matches!(why("l1.jpg"), Some(Item::Why(_))), "the reason is where it would be");
    assert!(why("l1.png").is_none() && why("none.jpg").is_none());
    assert_eq!(lib.ls(&admin, ".dam/why/platforms/instagram"), [""; 0], "typed, not listed");
    let elsewhere = who("admin", Some("client=globex"));
    assert!(!lib.has(&elsewhere, ".dam/why/platforms/instagram/post_square/l1.jpg"));
    assert!(lib.has(&admin, "platforms/onlyfans/post_image/l1.jpg"), "another recipe is another render");
}

/// A version of a size too small for one placement and large enough for another.
#[test]
fn what_would_have_to_be_enlarged_is_listed_as_too_small_and_not_as_an_export() {
    let (lib, admin) = (lib(), admin());
    assert_eq!(
        lib.ls(&admin, "by/too-small"),
        [
            "instagram.carousel_item",
            "instagram.post_landscape",
            "instagram.post_portrait_3x4",
            "instagram.post_portrait_4x5",
            "instagram.post_square",
            "instagram.profile",
            "instagram.story_image",
            "tiktok.photo",
        ]
    );
    assert_eq!(lib.ls(&admin, "by/too-small/instagram.post_square"), ["l1.png"], "adult is not allowed there");
    assert!(lib.has(&admin, "by/too-small/tiktok.photo/m1.jpg"));
    assert!(!lib.has(&admin, "by/too-small/x.profile/l2.png"), "not approved");
    for nothing in
        ["onlyfans.post_image", "instagram.reel", "instagram", "instagram.post_squar", "instagram.post.square"]
    {
        assert!(!lib.has(&admin, &format!("by/too-small/{nothing}")), "nothing is too small for {nothing}");
    }
    let globex = who("admin", Some("client=globex"));
    assert_eq!(lib.ls(&globex, "by/too-small"), ["tiktok.photo"]);
    let reviewer = who("admin", Some("client=nobody"));
    assert!(!lib.ls(&reviewer, "by").contains(&"too-small".to_owned()));
    let square = shipped().get("instagram", "post_square").unwrap();
    let shown = lib.resolve(&admin, "platforms/instagram/post_square/l1.jpg");
    let Some(Item::Export(asset, version, _)) = shown else { panic!("its version does not say how large it is") };
    let recipe = lib.read(&admin, |tree| recipe_for(tree.tx, &asset, &version, square, None, None).unwrap());
    let why = |width, height| {
        let sized = VersionRow { width: Some(width), height: Some(height), ..version.clone() };
        lib.read(&admin, |tree| unrenderable(tree.tx, &sized, &recipe, &Lacks::default()).unwrap())
    };
    assert_eq!(why(1080, 1080), None);
    assert!(why(1079, 4000).unwrap().contains("1079x4000 pixels, and 1080x1080 are asked for"));
}
