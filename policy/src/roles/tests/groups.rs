//! Roles as the people of a group have them.

use super::*;

/// Regression: whoever could put an admin into a group whose role denies administering made him none.
#[test]
fn what_a_group_gives_neither_makes_an_admin_nor_unmakes_one() {
    let text = r#"
[role.boss.allow]
list = "*"
admin = "*"

[role.guest.allow]
list = "*"

[role.guest.deny]
admin = "*"
edit = "*"
"#;
    let book = RoleBook::parse(text).unwrap();
    let [boss, guest] = ["boss", "guest"].map(|name| book.get(name).unwrap());
    let by_group =
        |own: &Role, group: &Role| Subject::of_roles("ann", &[own, &group.of_group(None)], None, None).is_admin();
    assert!(by_group(boss, guest));
    assert!(!by_group(guest, boss));
    assert!(!Subject::of_roles("ann", &[boss, guest], None, None).is_admin(), "by name it is an admin's to say");
    assert!(guest.of_group(None).deny.contains_key(&Verb::Edit));
}
