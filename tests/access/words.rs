//! Words of open vocabularies, and the directories of values when a file leaves them.

use crate::places::{link, refused, studio};
use crate::world::*;

#[test]
fn words_are_made_and_removed_where_a_vocabulary_is_open() {
    let (_world, me) = studio();
    for word in ["by/tag/a", "by/tag/a/b", "by/campaign/may", "by/tag/sea/+and/persona/mira", "by/tag/sea/+and/tag/a.c"]
    {
        me.mkdir(word).unwrap();
        assert_eq!(errno(me.mkdir(word)), libc::EEXIST, "{word}");
    }
    assert!(me.has("by/tag/a/c") && me.has("by/persona/mira"));
    assert_eq!(errno(me.rmdir("by/persona/luna")), libc::ENOTEMPTY, "it is used");
    assert_eq!(errno(me.rmdir("library/p")), libc::ENOTEMPTY);
    me.rmdir("by/persona/mira").unwrap();
    assert_eq!(me.names("by/persona"), ["luna", "nova"]);
    refused(&me, "a closed vocabulary", me.mkdir("by/rating/sfe"), libc::EPERM);
    let errors = String::from_utf8(me.read(".dam/errors").unwrap()).unwrap();
    assert!(errors.contains("unknown rating `sfe`; did you mean `safe`?"), "{errors}");
    // Regression: it went away and was still there, as what its own words lay in.
    assert_eq!(errno(me.rmdir("by/tag/a")), libc::ENOTEMPTY, "words wait below it");
    for word in ["by/tag/a/b", "by/tag/a/c", "by/tag/a"] {
        me.rmdir(word).unwrap();
        assert!(!me.has(word), "{word}");
    }
}

#[test]
fn a_view_whose_last_file_was_removed_stays_until_rmdir() {
    let (world, me) = studio();
    me.unlink("by/tag/sea/p.png").unwrap();
    world.pass(20_000);
    assert!(me.names("by/tag").contains(&"sea".to_owned()));
    assert_eq!(me.names("by/tag/sea"), [""; 0]);
    me.rmdir("by/tag/sea").unwrap();
    assert!(!me.has("by/tag/sea") && me.has("library/p/p.png"));
}

/// Regression: for some seconds the name of a file copied into a view led to it after it was removed there, and to nothing that was listed.
#[test]
fn what_was_copied_into_a_view_and_removed_there_is_gone_there() {
    let (world, me) = studio();
    me.mkdir("by/tag/sun").unwrap();
    let bytes = me.read("library/p/p.png").unwrap();
    me.write("by/tag/sun/p.png", &bytes).unwrap();
    world.settle();
    assert_eq!(me.names("by/tag/sun"), ["p.png"]);
    me.unlink("by/tag/sun/p.png").unwrap();
    assert!(!me.has("by/tag/sun/p.png"));
    assert_eq!(errno(me.unlink("by/tag/sun/p.png")), libc::ENOENT);
    link(&me, "library/p/p.png", "by/tag/sun/p.png").unwrap();
    assert_eq!(me.names("by/tag/sun"), ["p.png"]);
}

/// Regression: a folder that a file manager showed was gone when its last file had been dragged out, and nothing could be dragged back.
#[test]
fn a_view_whose_last_file_was_moved_to_another_stays_until_rmdir() {
    let (world, me) = studio();
    world.set("library/p/p.png", &["model=one"]);
    for (facet, from, to) in [("tag", "sea", "sun"), ("model", "one", "two")] {
        me.mkdir(&format!("by/{facet}/{to}")).unwrap();
        me.rename(&format!("by/{facet}/{from}/p.png"), &format!("by/{facet}/{to}/p.png")).unwrap();
        assert_eq!(me.names(&format!("by/{facet}/{from}")), [""; 0]);
        me.rename(&format!("by/{facet}/{to}/p.png"), &format!("by/{facet}/{from}/p.png")).unwrap();
        me.rmdir(&format!("by/{facet}/{to}")).unwrap();
        assert_eq!(me.names(&format!("by/{facet}/{from}")), ["p.png"]);
    }
}

/// Regression: the word that its last file left was everybody's from then on, whoever had seen its file.
#[test]
fn a_view_that_its_last_file_left_stays_for_who_took_it_away_alone() {
    let (world, admin) = World::studio();
    world.set("library/acme/a.png", &["campaign=secret", "tag=hush"]);
    let anna = world.member("anna", 1001, "content-creator", Some("client=acme"));
    let ben = world.member("ben", 1002, "content-creator", Some("client=globex"));
    anna.unlink("by/campaign/secret/a.png").unwrap();
    admin.unlink("by/tag/hush/a.png").unwrap();
    world.pass(20_000);
    assert_eq!(anna.names("by/campaign/secret"), [""; 0]);
    assert_eq!(admin.names("by/tag/hush"), [""; 0]);
    assert!(!ben.has("by/campaign/secret") && !ben.has("by/tag/hush"));
    anna.rmdir("by/campaign/secret").unwrap();
    admin.rmdir("by/tag/hush").unwrap();
    assert!(!anna.has("by/campaign/secret") && !admin.has("by/tag/hush"));
}
