//! Every input that fuzzing has kept, tried again: what once did harm, and what reaches each corner of the readers.

use std::path::Path;

use crate::targets::ALL;

#[test]
fn no_kept_input_does_harm() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus");
    for (name, target) in ALL {
        let files: Vec<_> = std::fs::read_dir(corpus.join(name)).unwrap().map(|file| file.unwrap().path()).collect();
        let mut fitting = 0;
        for file in &files {
            println!("{}", file.display());
            fitting += usize::from(target(&std::fs::read(file).unwrap()));
        }
        assert!(fitting > 0, "{name}: none of {} is of its format", files.len());
    }
}
