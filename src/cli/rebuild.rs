//! `dam fsck --rebuild`: the catalogue, made again from the store.

use std::process::ExitCode;

use serde_json::Value;

use super::args::{FsckArgs, Global};
use super::{Done, backend, failed, init, keys, print};
use crate::ops::{Rebuild, rebuild};

/// Makes it. Never through a daemon: nobody may have the library open.
pub fn run(global: &Global, args: &FsckArgs) -> Done {
    let root = backend::root(global, &[])?;
    if backend::daemon(&root)?.is_some() {
        return Err(failed(
            format!("{} is mounted", root.display()),
            "unmount it first: dam status shows where it is mounted",
        ));
    }
    let uid = backend::caller().uid;
    let admin = init::user_name(uid);
    let wish = Rebuild { force: args.force, dry_run: args.dry_run, admin: (&admin, uid) };
    let key = keys::find(global, &root);
    let report = rebuild(&root, key.as_deref(), &backend::clock(), &backend::entropy(), wish)?;
    if global.json {
        print::json(&report)?;
    } else {
        told(&report)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn told(report: &Value) -> Result<(), super::Failure> {
    let dry = report["dry_run"] == true;
    let list = |key: &str| report[key].as_array().cloned().unwrap_or_default();
    if let Some(was) = report["was"].as_str() {
        print::line(&format!("the catalogue: {was}"))?;
    }
    for line in list("unusable") {
        print::line(&format!("not usable: {}", print::word(&line)))?;
    }
    print::line(&format!(
        "{} from {}, with {} versions and {} assets more that the store tells of",
        if dry { "would be made again" } else { "made again" },
        report["from"].as_str().unwrap_or_default(),
        report["versions_added"],
        report["assets_made"]
    ))?;
    for line in list("placed") {
        print::line(&format!("its place was taken or is not known: {}", print::word(&line)))?;
    }
    for line in list("lost") {
        print::line(&format!(
            "{}: {}",
            if dry { "would not come back" } else { "not brought back" },
            print::word(&line)
        ))?;
    }
    if let Some(old) = report["old"].as_str() {
        print::line(&format!("the old one is {old}; remove it when everything is there"))?;
    }
    if !dry {
        print::note("check the library now: dam fsck --deep");
    }
    Ok(())
}
