//! Of whose files `dam whence` tells.

use std::fs::File;

use damfs::ops::proto::{Command, FailureKind};
use damfs::ops::serve;
use damfs::types::Caller;

use crate::world::*;

#[test]
fn bytes_of_what_one_may_not_list_are_nobodys() {
    let (world, _admin) = World::studio();
    world.member("eddy", 1002, "editor", Some("client=acme"));
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("got");
    let ask = |uid: u32, bytes: &str| {
        std::fs::write(&path, bytes).unwrap();
        let command = Command::Whence { name: "got".into() };
        let caller = Caller { uid, gid: uid, process: 1 };
        let told = serve::serve(&world.library, &caller, command, Some(File::open(&path).unwrap()));
        told.map(|told| told["found"][0]["path"].as_str().unwrap_or_default().to_owned())
            .map_err(|e| (e.kind, e.message))
    };
    assert_eq!(ask(0, "globex").unwrap(), "library/globex/secret.png");
    assert_eq!(ask(1002, "acme").unwrap(), "library/acme/a.png");
    let none = ask(1002, "nothing has these").unwrap_err();
    assert_eq!(none.0, FailureKind::NotFound);
    assert_eq!(ask(1002, "globex").unwrap_err(), none, "as if it were not there");
}
