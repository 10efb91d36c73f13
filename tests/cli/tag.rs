//! `dam tag`

use crate::lab::Lab;

#[test]
fn tags_are_added_and_removed() {
    let lab = Lab::with_two();
    lab.ok(&["tag", "add", "campaigns.summer2024", "library/luna/beach.png", "library/luna/city.png"]);
    assert_eq!(lab.ok(&["find", "tag=campaigns"]).lines().count(), 2);
    lab.ok(&["tag", "remove", "campaigns.summer2024", "library/luna/city.png"]);
    assert_eq!(lab.ok(&["find", "tag=campaigns.summer2024"]), "library/luna/beach.png\n");
    assert_eq!(lab.ok(&["tag", "remove", "never", "library/luna/city.png"]), "changed 0, as it was 1\n");
}

#[test]
fn a_tag_with_an_empty_level_is_usage() {
    let lab = Lab::with_two();
    lab.fails(2, &["tag", "add", "a..b", "library/luna/city.png"]);
    lab.fails(2, &["tag", "add", "", "library/luna/city.png"]);
    lab.fails(2, &["tag", "add", "x"]);
}
