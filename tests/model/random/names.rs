//! The names that the generated operations use, and what the page says of each.

/// What a name says by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    Ordinary,
    Scratch,
    Backup,
    Lock,
}

/// Files: two assets' names, backups of one, temporaries for it, locks, names that nobody knows. No sidecar: those go along with their files,
/// which `sidecars` tries.
pub const FILES: [(&str, Class); 12] = [
    ("a.png", Class::Ordinary),
    ("b.png", Class::Ordinary),
    ("a.png~", Class::Backup),
    ("a.png.bak", Class::Backup),
    (".goutputstream-AB12CD", Class::Scratch),
    ("sedAb1x9Z", Class::Scratch),
    (".a.png.Xk3f9Q", Class::Scratch),
    ("4913", Class::Lock),
    (".a.png.swp", Class::Lock),
    ("notes.txt", Class::Ordinary),
    ("zzz.old123", Class::Ordinary),
    ("tmp.png", Class::Ordinary),
];

/// Folders: two plain ones, and one that savers make.
pub const FOLDERS: [&str; 3] = ["d1", "d2", ".~tmp~"];

pub fn class(name: &str) -> Class {
    FILES.iter().find(|(known, _)| *known == name).map_or(Class::Ordinary, |(_, class)| *class)
}

/// Whether what lies in a folder of this name is a saver's temporary.
pub fn folder_holds_saves(name: &str) -> bool {
    name == ".~tmp~"
}

/// Whether `name` is what programs call a backup of `of`.
pub fn is_backup_of(name: &str, of: &str) -> bool {
    name.strip_prefix(of).is_some_and(|rest| ["~", ".bak"].contains(&rest))
}

/// `name (n).ext`.
pub fn numbered(name: &str, n: u32) -> String {
    match name.rsplit_once('.') {
        Some((stem, extension)) if !stem.is_empty() => format!("{stem} ({n}).{extension}"),
        _ => format!("{name} ({n})"),
    }
}
