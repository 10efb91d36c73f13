//! Exports as AVIF, which another program writes in the sandbox.

use std::fs;
use std::path::Path;

use crate::harness::*;

const TABLE: &str = "platform,placement,kind,width,height,fit,formats,max_bytes,ai_label_required
instagram,card,image,540,675,crop,avif|jpeg,,yes
instagram,small,image,540,675,crop,avif,45000,yes
instagram,plain,image,540,675,crop,jpeg|avif,,yes
";

fn studio() -> Studio {
    let mut s = Studio::mounted();
    s.unmount();
    fs::write(s.library().join("platforms.csv"), TABLE).unwrap();
    s.mount("mnt", &[]);
    let from = s.path("in");
    fs::create_dir_all(&from).unwrap();
    sh(&format!(
        "cd {}; /usr/bin/python3 -c 'from PIL import Image, PngImagePlugin
n = Image.effect_noise((160, 200), 60).resize((640, 800)); i = PngImagePlugin.PngInfo(); i.add_text(\"parameters\", \"a secret prompt\\nSteps: 20, Sampler: Euler, Seed: 7, Size: 640x800\")
a = Image.merge(\"RGB\", (n, n.rotate(180), n)); a.putalpha(Image.linear_gradient(\"L\").resize(a.size)); a.save(\"a.png\", pnginfo=i)'",
        from.display()
    ));
    s.import(&from, &["--into", "luna", "--set", "rating=safe"]);
    s
}

#[test]
fn an_avif_is_written_in_the_sandbox_with_its_exact_size() {
    let mut s = studio();
    s.dam(["set", "library/luna/a.png", "status.instagram=approved"]);
    let place = |name: &str| s.mnt("platforms/instagram").join(name);
    let names_of = |name: &str| names(&place(name)).into_iter().filter(|n| !n.ends_with(".txt")).collect::<Vec<_>>();
    assert_eq!([names_of("card"), names_of("small"), names_of("plain")].concat(), ["a.avif", "a.avif", "a.jpg"]);
    let (card, small) = (place("card").join("a.avif"), place("small").join("a.avif"));
    for export in [&card, &small] {
        let stat = fs::metadata(export);
        let size = stat.unwrap_or_else(|e| panic!("{e}: {}", s.dam(["why", "library/luna/a.png"]))).len();
        assert_eq!(size, fs::read(export).unwrap().len() as u64);
        let seen = sh(&format!("avifdec --info {}", export.display()));
        for line in [
            "Resolution     : 540x675",
            "Bit Depth      : 8",
            "Alpha          : Not premultiplied",
            "Exif Metadata  : Absent",
        ] {
            assert!(seen.contains(line), "{line}: {seen}");
        }
        let seen = sh(&format!("exiftool -a -s {}", export.display()));
        assert!(seen.contains("DigitalSourceType") && !seen.contains("Warning"), "{seen}");
        assert!(!seen.contains("secret") && !seen.contains("Euler"), "{seen}");
    }
    assert!(fs::metadata(&small).unwrap().len() <= 45_000);
    let quality = |export: &Path| {
        sh(&format!("getfattr --only-values -n user.dam.export.quality {}", export.display())).parse::<u8>().unwrap()
    };
    assert_eq!(quality(&card), 90);
    assert!((20..90).contains(&quality(&small)));
    let out = s.path("out");
    sh(&format!("rsync -a {}/ {}/", s.mnt("platforms").display(), out.display()));
    assert!(s.dam(["whence", out.join("instagram/card/a.avif").to_str().unwrap()]).contains("library/luna/a.png"));
    s.unmount();
    sh(&format!("rm -rf {}/store/renditions/*", s.library().display()));
    s.mount("mnt", &[]);
    let again = sh(&format!("rsync -aic {}/ {}/", s.mnt("platforms").display(), out.display()));
    assert!(!again.contains(">f"), "the same bytes: {again}");
}

#[test]
fn without_the_program_none_is_listed_and_why_names_the_package() {
    let mut s = studio();
    s.mount_with(&[]);
    s.dam(["set", "library/luna/a.png", "status.instagram=approved"]);
    let listed = |s: &Studio, name: &str| {
        let names = names(&s.mnt("platforms/instagram").join(name));
        names.into_iter().filter(|name| !name.ends_with(".txt")).collect::<Vec<_>>()
    };
    assert!(listed(&s, "card").is_empty() && listed(&s, "small").is_empty());
    assert_eq!(listed(&s, "plain"), ["a.jpg"]);
    let reason = "avifenc is not there; install libavif-bin";
    let why = s.dam(["why", "library/luna/a.png"]);
    assert!(why.contains(&format!("avif cannot be written here: {reason}")), "{why}");
    let status = fs::read_to_string(s.mnt(".dam/status")).unwrap();
    assert_eq!(status.matches(&format!("no AVIF is written: {reason}")).count(), 1, "{status}");
    s.remount();
    assert_eq!(listed(&s, "card"), ["a.avif"], "nothing of it was remembered");
    assert!(fs::metadata(s.mnt("platforms/instagram/card/a.avif")).unwrap().len() > 0);
}

/// What it says must not be among what it writes.
#[test]
fn a_program_that_talks_writes_its_output_apart_and_nothing_else() {
    let s = Studio::new();
    let daemon = Path::new(env!("CARGO_BIN_EXE_dam")).with_file_name("dam-mountd");
    let (secret, input, output) = (s.path("secret"), s.path("input"), s.path("output"));
    fs::write(&secret, "secret").unwrap();
    fs::write(&input, "input").unwrap();
    let script = "
import os, sys
def tried(act):
    try: act(); return 'done'
    except OSError as e: return os.strerror(e.errno)
print('what it says', flush=True)
told = [open('/proc/self/fd/0').read()]
told += [tried(lambda: open(path, 'w')) for path in (sys.argv[1], sys.argv[1] + '2', '/proc/self/fd/0')]
open(sys.argv[2], 'w').write(','.join(told))
print('and more')
";
    let mut command = std::process::Command::new(&daemon);
    command.args(["sandbox", "--parent", &std::process::id().to_string(), "--cpu-seconds", "60"]);
    command.args(["--file-bytes", "1000000", "--apart", "/usr/bin/python3", "-I", "-c", script]).arg(&secret);
    command.stdin(fs::File::open(&input).unwrap()).stdout(fs::File::create(&output).unwrap());
    let out = command.output().unwrap();
    let told = fs::read_to_string(&output).unwrap();
    let denied = "Permission denied";
    assert_eq!(told, format!("input,{denied},{denied},{denied}"), "{}", String::from_utf8_lossy(&out.stderr));
}
