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
        let known = groups.iter().map(|name| Ok((name, group(name)?))).collect::<Result<Vec<_>, DirectoryError>>()?;
        let login = CString::new(user.name.as_str()).map_err(|_| DirectoryError("a login holds a NUL".to_owned()))?;
        let his = getgrouplist(&login, user.gid).map_err(cannot(&of))?;
        let (mut found, mut unknown) = (BTreeSet::new(), BTreeSet::new());
        for (name, gid) in known {
            if gid.is_some_and(|gid| his.contains(&gid)) {
                found.insert(name.clone());
            } else if gid.is_none() || group(name)?.is_none() {
                // A list that is without it says nothing unless its database was there before and after the list was made.
                unknown.insert(name.clone());
            }
        }
        Ok(Some(Person { login: user.name, groups: found, unknown }))
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
        let groups = ["root", "tty", "no-such-group-of-damfs"].map(str::to_owned);
        let root = SystemDirectory.person(0, &groups).unwrap().unwrap();
        let [is, _, unknown] = groups;
        assert_eq!((root.login.as_str(), root.groups), ("root", BTreeSet::from([is])));
        assert_eq!(root.unknown, BTreeSet::from([unknown]), "that he is not in one is said of groups that there are");
        assert!(SystemDirectory.person(4_000_000_007, &[]).unwrap().is_none());
        assert!(SystemDirectory.has_group("root").unwrap());
        assert!(!SystemDirectory.has_group("no-such-group-of-damfs").unwrap());
    }
}
