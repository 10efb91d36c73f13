//! How a picture goes out: the focus that a crop keeps, what is too small, and the quality that was found.

use damfs::ops::proto::Command;
use damfs::ops::serve;
use damfs::types::Caller;

use crate::world::{Seat, World, errno};

const A: &str = "library/a.png";
const EXPORT: &str = "platforms/x/card/a.jpg";
const TABLE: &str = "platform,placement,kind,width,height,fit,upscale,formats,max_bytes,adult_allowed
x,card,image,40,40,crop,,jpeg,,
x,wide,image,90,40,any,,jpeg|png,,
x,tight,image,60,40,crop,,jpeg,1800,
x,sheet,image,60,40,crop,,png,,
x,poster,image,400,400,crop,,jpeg,,
x,blown,image,400,400,crop,yes,webp,,
";

/// Red on the left, blue on the right, with a little noise, approved.
fn studio() -> (World, Seat) {
    let world = World::new();
    let admin = world.admin();
    world.sheet(TABLE);
    let noise = |x: u32, y: u32| u8::try_from((x * 7919 + y * 104_729) % 64).unwrap();
    let picture = image::RgbImage::from_fn(120, 40, |x, y| {
        if x < 60 { image::Rgb([220, noise(x, y), 0]) } else { image::Rgb([0, noise(x, y), 220]) }
    });
    let mut png = std::io::Cursor::new(Vec::new());
    picture.write_to(&mut png, image::ImageFormat::Png).unwrap();
    admin.write(A, png.get_ref()).unwrap();
    world.settle();
    world.set(A, &["status.x=approved"]);
    world.clock.advance_ms(1_000 * 24 * 3_600_000);
    (world, admin)
}

/// The colours at the left and at the right edge, as read.
fn edges(seat: &Seat, path: &str) -> [&'static str; 2] {
    let picture = image::load_from_memory(&seat.read(path).unwrap()).unwrap().to_rgb8();
    [2, picture.width() - 3].map(|x| if picture.get_pixel(x, 20).0[0] > 100 { "red" } else { "blue" })
}

/// Number, size and time as a program sees them.
fn stat(seat: &Seat, path: &str) -> (u64, u64, damfs::types::Timestamp) {
    let attr = seat.mount.getattr(&seat.caller, seat.find(path).unwrap()).unwrap().attr;
    (attr.ino, attr.size, attr.mtime)
}

#[test]
fn a_crop_keeps_the_focus_in_sight_and_is_as_old_as_it_was_first_made_so() {
    let (world, admin) = studio();
    assert_eq!(edges(&admin, EXPORT), ["red", "blue"]);
    let (middle, wide) = (stat(&admin, EXPORT), stat(&admin, "platforms/x/wide/a.jpg"));
    admin.setxattr(A, "user.dam.focus", "0.1,0.5").unwrap();
    assert_eq!(edges(&admin, EXPORT), ["red", "red"]);
    let left = stat(&admin, EXPORT);
    assert!(left.0 != middle.0 && left.2 > middle.2, "{left:?} {middle:?}");
    assert_eq!(stat(&admin, "platforms/x/wide/a.jpg"), wide, "what is not cut is as it was");
    world.pass(60_000);
    admin.setxattr(A, "user.dam.focus", "1,0").unwrap();
    assert_eq!(edges(&admin, EXPORT), ["blue", "blue"]);
    admin.setxattr(A, "user.dam.focus", "0.1,0.5").unwrap();
    assert_eq!(stat(&admin, EXPORT), left);
    assert_eq!(admin.getxattr(A, "user.dam.focus").unwrap(), "0.1,0.5");
    let record = String::from_utf8(admin.read("records/a.png.json").unwrap()).unwrap();
    assert!(record.contains("user.dam.focus"), "{record}");
    for bad in ["", "left", "2,0", "0.1"] {
        assert_eq!(errno(admin.setxattr(A, "user.dam.focus", bad)), libc::EINVAL, "{bad}");
    }
    drop(admin);
    let world = world.reopen();
    let admin = world.admin();
    assert_eq!(stat(&admin, EXPORT), left, "the same after a remount");
    admin.removexattr(A, "user.dam.focus").unwrap();
    assert_eq!(stat(&admin, EXPORT), middle);
}

/// Who tags says what a picture shows; who only edits its bytes does not need to.
#[test]
fn a_focus_is_set_by_who_may_tag() {
    let (world, admin) = studio();
    drop(admin);
    let role = "[role.viewer.allow]\nlist = \"*\"\ndownload = \"*\"\n[role.tagger.allow]\nlist = \"*\"\ntag = \"*\"\n";
    let world = world.with_roles(role);
    let ann = world.member("ann", 1001, "viewer", None);
    let bob = world.member("bob", 1002, "tagger", None);
    assert_eq!(errno(ann.setxattr(A, "user.dam.focus", "0,0")), libc::EACCES);
    bob.setxattr(A, "user.dam.focus", "0,0").unwrap();
    assert_eq!(edges(&world.admin(), EXPORT), ["red", "red"]);
}

#[test]
fn what_is_too_small_is_no_export_and_is_told() {
    let (world, admin) = studio();
    assert_eq!(admin.names("platforms/x/poster"), Vec::<String>::new());
    assert!(!admin.has("platforms/x/poster/a.jpg"));
    assert_eq!(admin.names("by/too-small"), ["x.poster"]);
    assert_eq!(admin.names("by/too-small/x.poster"), ["a.png"]);
    assert_eq!(admin.find("by/too-small/x.poster/a.png").unwrap(), admin.find(A).unwrap());
    assert_eq!(errno(admin.write("by/too-small/x.poster/b.png", b"b")), libc::EPERM);
    let reason = "not in platforms/x/poster: too small: it has 120x40 pixels, and 400x400 are asked for";
    let why = |path: &str| String::from_utf8(admin.read(path).unwrap()).unwrap();
    assert!(why(".dam/why/library/a.png").contains(reason), "{}", why(".dam/why/library/a.png"));
    assert!(why(".dam/why/platforms/x/poster/a.jpg").contains(reason));
    let told = world.serve(0, Command::Why { target: A.into(), as_member: None }).unwrap();
    assert!(told["unrendered"].to_string().contains("120x40"), "{told}");
    // A row that says so enlarges.
    let blown = image::load_from_memory(&admin.read("platforms/x/blown/a.webp").unwrap()).unwrap();
    assert_eq!((blown.width(), blown.height()), (400, 400));
    world.sheet(&TABLE.replace("x,poster,image,400,400,crop,,", "x,poster,image,400,400,crop,yes,"));
    assert!(admin.has("platforms/x/poster/a.jpg") && !admin.names("by").contains(&"too-small".to_owned()));
}

#[test]
fn an_export_tells_the_quality_that_was_found_for_it() {
    let (world, admin) = studio();
    let quality = |path: &str| admin.getxattr(path, "user.dam.export.quality");
    assert_eq!(quality(EXPORT).unwrap(), "90");
    let found: u8 = quality("platforms/x/tight/a.jpg").unwrap().parse().unwrap();
    assert!((20..90).contains(&found), "{found}");
    assert!(admin.read("platforms/x/tight/a.jpg").unwrap().len() <= 1800);
    assert_eq!(errno(quality("platforms/x/sheet/a.png")), libc::ENODATA, "a PNG has none");
    assert_eq!(errno(quality(A)), libc::ENODATA);
    assert!(admin.listxattr("platforms/x/tight/a.jpg").is_empty(), "copies do not carry it");
    drop(admin);
    let world = world.reopen();
    let again = world.admin().getxattr("platforms/x/tight/a.jpg", "user.dam.export.quality").unwrap();
    assert_eq!(again, found.to_string());
}

/// What an export says, as the other reader of these tests has it: the packet between its two marks.
fn packet(seat: &Seat, path: &str) -> String {
    let bytes = seat.read(path).unwrap();
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let begin = text.find("<?xpacket begin").unwrap_or(text.len());
    text[begin..].split_inclusive("<?xpacket end=\"w\"?>").next().unwrap_or_default().to_owned()
}

#[test]
fn the_record_is_said_where_the_row_wants_it_and_makes_other_exports_only_there() {
    let (world, admin) = studio();
    world.sheet(
        "platform,placement,kind,width,height,fit,metadata,formats\n\
         x,card,image,40,40,crop,,jpeg\nx,wide,image,90,40,any,bare,jpeg\n",
    );
    let said = packet(&admin, EXPORT);
    assert!(
        said.contains("platform:x") && said.contains("orientation:square") && !said.contains("dc:rights"),
        "{said}"
    );
    assert_eq!(packet(&admin, "platforms/x/wide/a.jpg"), "", "nothing at all");
    let (plain, bare) = (stat(&admin, EXPORT), stat(&admin, "platforms/x/wide/a.jpg"));
    admin.setxattr(A, "user.dublincore.rights", "© L").unwrap();
    admin.setxattr(A, "user.dublincore.creator", "Ann").unwrap();
    world.pass(60_000);
    let said = packet(&admin, EXPORT);
    assert!(said.contains("© L") && said.contains("Ann"), "{said}");
    let named = stat(&admin, EXPORT);
    assert!(named.0 != plain.0 && named.2 > plain.2, "{named:?} {plain:?}");
    assert_eq!(stat(&admin, "platforms/x/wide/a.jpg"), bare, "what does not say it is as it was");
    // As long as before: a copier looks at the time alone.
    world.pass(60_000);
    admin.setxattr(A, "user.dublincore.rights", "© M").unwrap();
    let other = stat(&admin, EXPORT);
    assert!(other.1 == named.1 && other.2 > named.2, "{other:?} {named:?}");
    for unsaid in ["user.xdg.tags", "user.xdg.comment", "user.dublincore.title"] {
        admin.setxattr(A, unsaid, "secret").unwrap();
    }
    assert_eq!(stat(&admin, EXPORT), other, "what is not said changes nothing");
    drop(admin);
    let world = world.reopen();
    let admin = world.admin();
    assert_eq!(stat(&admin, EXPORT), other, "the same after a remount");
    admin.setxattr(A, "user.dublincore.rights", "© L").unwrap();
    assert_eq!(stat(&admin, EXPORT), named);
}

/// A portrait with everything that a default export must not tell, approved for every platform: prompt, workflow, place, serial number, history.
fn talkative() -> (World, Seat) {
    let world = World::new();
    let admin = world.admin();
    let mut out = Vec::new();
    let mut encoder = png::Encoder::new(&mut out, 1600, 2000);
    encoder.set_color(png::ColorType::Rgb);
    let infotext =
        "a hushhush cat\nNegative prompt: hushhush\nSteps: 20, Sampler: Euler, Seed: 7, Model: sdxl, Version: v1.10.1";
    encoder.add_text_chunk("parameters".into(), infotext.into()).unwrap();
    encoder.add_text_chunk("workflow".into(), "{\"nodes\": \"hushhush\"}".into()).unwrap();
    let xmp = "<x:xmpmeta xmlns:x='adobe:ns:meta/'><rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'><rdf:Description
        rdf:about='' xmlns:exif='http://ns.adobe.com/exif/1.0/' xmlns:aux='http://ns.adobe.com/exif/1.0/aux/' xmlns:p='http://ns.adobe.com/photoshop/1.0/'
        xmlns:dc='http://purl.org/dc/elements/1.1/' exif:GPSLatitude='48,8.1N' aux:SerialNumber='hushhush' p:History='hushhush'
        ><dc:subject><rdf:Bag><rdf:li>hushhush</rdf:li></rdf:Bag></dc:subject><dc:description>hushhush</dc:description></rdf:Description></rdf:RDF></x:xmpmeta>";
    encoder.add_itxt_chunk("XML:com.adobe.xmp".into(), xmp.into()).unwrap();
    let pixels: Vec<u8> = (0..1600_u32 * 2000 * 3).map(|i| u8::try_from(i / 4800 % 256).unwrap()).collect();
    encoder.write_header().unwrap().write_image_data(&pixels).unwrap();
    admin.write(A, &out).unwrap();
    world.settle();
    (world, admin)
}

#[test]
fn no_default_export_tells_a_prompt_and_only_the_row_that_asks_for_it_does() {
    let (world, admin) = talkative();
    assert_eq!(world.show(A)["prompt"], "a hushhush cat");
    let all = admin.names("platforms").into_iter().filter(|p| !p.starts_with('.'));
    let all: Vec<String> = all.collect();
    world.set(
        A,
        &all.iter()
            .map(|p| format!("status.{p}=approved"))
            .collect::<Vec<_>>()
            .iter()
            .map(String::as_str)
            .collect::<Vec<_>>(),
    );
    let mut seen = 0;
    for platform in &all {
        for placement in admin.names(&format!("platforms/{platform}")) {
            for name in admin.names(&format!("platforms/{platform}/{placement}")) {
                let bytes = admin.read(&format!("platforms/{platform}/{placement}/{name}")).unwrap();
                let text = String::from_utf8_lossy(&bytes);
                if name.ends_with(".caption.txt") {
                    assert!(!text.contains("cat"), "{platform}/{placement}/{name}: {text}");
                    continue;
                }
                assert!(!text.contains("hushhush") && !text.contains("48,8"), "{platform}/{placement}/{name}");
                let is_mute = name.ends_with(".bmp");
                assert!(is_mute || text.contains("trainedAlgorithmicMedia"), "{platform}/{placement}/{name}");
                assert!(is_mute || text.contains(&format!("platform:{platform}<")), "{platform}/{placement}/{name}");
                seen += 1;
            }
        }
    }
    assert!(seen > 40, "{seen} placements");
    let row = |name: &str, metadata: &str| format!("x,{name},image,400,,any,{metadata},png,yes\n");
    let head = "platform,placement,kind,width,height,fit,metadata,formats,adult_allowed\n";
    world.sheet(
        &[head, &row("one", ""), &row("two", "ai-fields"), &row("three", "ai-prompt"), &row("four", "bare")].concat(),
    );
    let said = |name: &str| packet(&admin, &format!("platforms/x/{name}/a.png"));
    assert!(!said("one").contains("sdxl"));
    assert!(
        said("two").contains("<Iptc4xmpExt:AISystemUsed>sdxl via a1111<") && !said("two").contains("hushhush"),
        "{}",
        said("two")
    );
    assert!(said("two").contains("<Iptc4xmpExt:AISystemVersionUsed>v1.10.1<"));
    assert!(said("three").contains("<Iptc4xmpExt:AIPromptInformation>a hushhush cat<"), "{}", said("three"));
    assert!(said("four").contains("trainedAlgorithmicMedia") && !said("four").contains("platform:"));
}

/// Where a table has a column for it: `card` says nothing of marks, `wide` has one for everybody, `sheet` refuses any.
const MARKED: &str = "platform,placement,kind,width,height,fit,watermark,formats,adult_allowed
x,card,image,40,40,crop,,jpeg,
x,wide,image,90,40,any,@shop,jpeg,
x,sheet,image,60,40,crop,no,png,
";
const PARTNER: &str =
    "[role.partner]\nwatermark = \"for {member}\"\n[role.partner.allow]\nlist = \"*\"\nexport = \"*\"\n";

#[test]
fn a_roles_mark_is_in_each_export_that_its_members_read_and_whence_tells_whose() {
    let (world, admin) = studio();
    drop(admin);
    let world = world.with_roles(PARTNER);
    world.sheet(MARKED);
    let (admin, ada) = (world.admin(), world.member("ada", 1001, "partner", None));
    let bob = world.member("bob", 1002, "partner,backup", None);
    let wide = "platforms/x/wide/a.jpg";
    let sheet = "platforms/x/sheet/a.png";
    for path in [EXPORT, wide] {
        let [whole, hers, his] = [&admin, &ada, &bob].map(|seat| seat.read(path).unwrap());
        assert!(whole != hers && hers != his && whole != his, "{path}: each with his name");
        let numbers = [&admin, &ada, &bob].map(|seat| stat(seat, path).0);
        assert!(numbers[0] != numbers[1] && numbers[1] != numbers[2], "{path}: no page cache holds both");
        for (seat, bytes) in [(&admin, &whole), (&ada, &hers), (&bob, &his)] {
            assert_eq!(stat(seat, path).1, bytes.len() as u64);
        }
    }
    assert_eq!(admin.read(sheet).unwrap(), ada.read(sheet).unwrap(), "where the row refuses marks");
    assert_eq!(stat(&admin, sheet), stat(&ada, sheet));

    let dir = tempfile::tempdir().unwrap();
    let got = dir.path().join("got.jpg");
    std::fs::write(&got, ada.read(EXPORT).unwrap()).unwrap();
    let ask = |uid: u32| {
        let caller = Caller { uid, gid: uid, process: 1 };
        let file = std::fs::File::open(&got).unwrap();
        let told = serve::serve(&world.library, &caller, Command::Whence { name: "got".into() }, Some(file)).unwrap();
        let row = told["found"][0].clone();
        (row["path"].clone(), row["placement"].clone(), row["for"].clone())
    };
    assert_eq!(ask(0), (A.into(), "card".into(), "ada".into()));
    assert_eq!(ask(1001), (A.into(), "card".into(), "ada".into()));
    assert_eq!(
        ask(1002),
        (A.into(), serde_json::Value::Null, serde_json::Value::Null),
        "members are an admin's to know"
    );

    // Who gets a mark reads nothing without it any more, on descriptors that are open too.
    let unmarked = world.roles_text().replace("watermark = \"for {member}\"\n", "");
    world.roles(&unmarked);
    let plain = ada.read(EXPORT).unwrap();
    assert_eq!(plain, admin.read(EXPORT).unwrap());
    let (open, theirs) = (ada.open(EXPORT, true, false).unwrap(), admin.open(EXPORT, true, false).unwrap());
    world.roles(&format!("{}\n{PARTNER}", unmarked.split("[role.partner").next().unwrap()));
    assert!(ada.pread(open).is_err(), "she had it open without her mark");
    assert_eq!(admin.pread(theirs).unwrap(), plain);
    assert_ne!(ada.read(EXPORT).unwrap(), plain);
}
