//! What the name service of this machine says: `/etc/passwd` and `/etc/group`, and whatever else `/etc/nsswitch.conf` names.

use std::collections::BTreeSet;
use std::ffi::CString;

use nix::unistd::{Gid, Group, Uid, User, getgrouplist};

use super::{Directory, DirectoryError, Person};

/// The name service of this machine.
#[derive(Debug, Default, Clone, Copy)]
pub struct SystemDirectory;

fn cannot(what: &str) -> impl FnOnce(nix::Error) -> DirectoryError {
    let what = what.to_owned();
    move |e| DirectoryError(format!("the system cannot say {what}: {}", e.desc()))
}

fn group(name: &str) -> Result<Option<Gid>, DirectoryError> {
    Ok(Group::from_name(name).map_err(cannot(&format!("what group {name} is")))?.map(|group| group.gid))
}

impl Directory for SystemDirectory {
    fn person(&self, uid: u32, groups: &[String]) -> Result<Option<Person>, DirectoryError> {
        let user = User::from_uid(Uid::from_raw(uid)).map_err(cannot(&format!("who user id {uid} is")))?;
        let Some(user) = user else { return Ok(None) };
        let of = format!("which groups {} is in", user.name);
        let login = CString::new(user.name.as_str()).map_err(|_| DirectoryError("a login holds a NUL".to_owned()))?;
        let his = getgrouplist(&login, user.gid).map_err(cannot(&of))?;
        let mut found = BTreeSet::new();
        for name in groups {
            // Each by its name: that the list lacks it while its database does not answer is told by this, and by nothing else.
            if group(name)?.is_some_and(|gid| his.contains(&gid)) {
                found.insert(name.clone());
            }
        }
        Ok(Some(Person { login: user.name, groups: found }))
    }

    fn has_group(&self, name: &str) -> Result<bool, DirectoryError> {
        Ok(group(name)?.is_some())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn the_system_knows_root_and_not_everybody() {
        let root =
            SystemDirectory.person(0, &["root".to_owned(), "no-such-group-of-damfs".to_owned()]).unwrap().unwrap();
        assert_eq!((root.login.as_str(), root.groups), ("root", BTreeSet::from(["root".to_owned()])));
        assert!(SystemDirectory.person(4_000_000_007, &[]).unwrap().is_none());
        assert!(SystemDirectory.has_group("root").unwrap());
        assert!(!SystemDirectory.has_group("no-such-group-of-damfs").unwrap());
    }
}
