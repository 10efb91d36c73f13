//! What an export says of itself in XMP, and nothing else of what its master or its record knows.

use std::collections::BTreeMap;

use quick_xml::escape::escape;

/// Longest value, escaped, and the longest prompt: a packet has to fit into one segment of a JPEG.
const MOST: usize = 2 * 1024;
const MOST_PROMPT: usize = 32 * 1024;
/// Most names that are said.
const MOST_NAMES: usize = 16;

const RDF: &str = "http://www.w3.org/1999/02/22-rdf-syntax-ns#";
const DC: Prefix = ("dc", "http://purl.org/dc/elements/1.1/");
const RIGHTS: Prefix = ("xmpRights", "http://ns.adobe.com/xap/1.0/rights/");
const MM: Prefix = ("xmpMM", "http://ns.adobe.com/xap/1.0/mm/");
const REF: Prefix = ("stRef", "http://ns.adobe.com/xap/1.0/sType/ResourceRef#");
const PHOTOSHOP: Prefix = ("photoshop", "http://ns.adobe.com/photoshop/1.0/");
const CORE: Prefix = ("Iptc4xmpCore", "http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/");
const EXT: Prefix = ("Iptc4xmpExt", "http://iptc.org/std/Iptc4xmpExt/2008-02-29/");

type Prefix = (&'static str, &'static str);

/// What a file's own packet says for whoever gets it: of rights, of whom to name, and for who cannot see it. Each goes along under its own name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Public {
    Marked,
    WebStatement,
    UsageTerms,
    Credit,
    AltText,
}

impl Public {
    const fn property(self) -> (Prefix, &'static str, Shape) {
        match self {
            Self::Marked => (RIGHTS, "Marked", Shape::Plain),
            Self::WebStatement => (RIGHTS, "WebStatement", Shape::Plain),
            Self::UsageTerms => (RIGHTS, "UsageTerms", Shape::Alt),
            Self::Credit => (PHOTOSHOP, "Credit", Shape::Plain),
            Self::AltText => (CORE, "AltTextAccessibility", Shape::Alt),
        }
    }
}

/// What a file says of itself that its exports say too.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Told {
    /// How it came to be (IPTC DigitalSourceType).
    pub source_type: Option<String>,
    pub(super) public: BTreeMap<Public, String>,
}

/// What an export says beside its declaration of origin. The default is nothing.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Words {
    /// The platform that it is made for; its orientation is said with it, as are the rights and the alternative text of the file itself.
    pub platform: Option<String>,
    /// What its master is called by outside.
    pub derived_from: Option<String>,
    /// Who has the rights, and who made it, as the record says.
    pub rights: Option<String>,
    pub creator: Option<String>,
    /// What generated it, of which version, and by which prompt (IPTC 2025.1).
    pub system: Option<String>,
    pub system_version: Option<String>,
    pub prompt: Option<String>,
}

impl Words {
    /// Whether anything of it comes from the record, which may change without the bytes.
    #[must_use]
    pub fn follow_the_record(&self) -> bool {
        let Self { platform: _, derived_from: _, rights, creator, system, system_version, prompt } = self;
        [rights, creator, system, system_version, prompt].into_iter().any(Option::is_some)
    }

    /// As the text of a recipe has it; nothing when nothing is said.
    pub(super) fn canonical(&self) -> String {
        if *self == Self::default() {
            return String::new();
        }
        let mut hasher = blake3::Hasher::new();
        let Self { platform, derived_from, rights, creator, system, system_version, prompt } = self;
        for word in [platform, derived_from, rights, creator, system, system_version, prompt] {
            // Nothing, and the length of something, tell one word from the next.
            hasher.update(&word.as_ref().map_or(u64::MAX, |word| word.len() as u64).to_le_bytes());
            hasher.update(word.as_deref().unwrap_or_default().as_bytes());
        }
        format!(" words={}", hasher.finalize().to_hex())
    }

    /// The packet of an export of that size; `None` when there is nothing to say.
    pub(super) fn packet(&self, told: &Told, declared: Option<&str>, (width, height): (u32, u32)) -> Option<String> {
        let mut body = Body::default();
        body.one(EXT, "DigitalSourceType", Shape::Plain, declared);
        if let Some(platform) = &self.platform {
            let orientation = match width.cmp(&height) {
                std::cmp::Ordering::Less => "portrait",
                std::cmp::Ordering::Equal => "square",
                std::cmp::Ordering::Greater => "landscape",
            };
            let subjects = [format!("platform:{platform}"), format!("orientation:{orientation}")];
            body.add(DC, "subject", Shape::Bag, &subjects.iter().map(String::as_str).collect::<Vec<_>>(), MOST);
            for (public, text) in &told.public {
                let (prefix, name, shape) = public.property();
                body.one(prefix, name, shape, Some(text));
            }
        }
        body.one(DC, "rights", Shape::Alt, self.rights.as_deref());
        if let Some(creators) = &self.creator {
            // A record has several as one text.
            body.add(DC, "creator", Shape::Seq, &creators.split("; ").take(MOST_NAMES).collect::<Vec<_>>(), MOST);
        }
        body.one(EXT, "AISystemUsed", Shape::Plain, self.system.as_deref());
        body.one(EXT, "AISystemVersionUsed", Shape::Plain, self.system_version.as_deref());
        if let Some(prompt) = &self.prompt {
            body.add(EXT, "AIPromptInformation", Shape::Plain, &[prompt], MOST_PROMPT);
        }
        if let Some(from) = &self.derived_from {
            body.uses(REF);
            body.uses(MM);
            let id = plain(from, MOST);
            body.text.push_str(&format!(
                "<xmpMM:DerivedFrom rdf:parseType=\"Resource\"><stRef:documentID>{id}</stRef:documentID></xmpMM:DerivedFrom>"
            ));
        }
        body.packet()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    Plain,
    /// One text that may stand in several languages.
    Alt,
    Bag,
    Seq,
}

#[derive(Default)]
struct Body {
    uses: Vec<Prefix>,
    text: String,
}

impl Body {
    fn uses(&mut self, prefix: Prefix) {
        if !self.uses.contains(&prefix) {
            self.uses.push(prefix);
        }
    }

    fn one(&mut self, prefix: Prefix, name: &str, shape: Shape, value: Option<&str>) {
        if let Some(value) = value {
            self.add(prefix, name, shape, &[value], MOST);
        }
    }

    fn add(&mut self, prefix: Prefix, name: &str, shape: Shape, values: &[&str], most: usize) {
        let each = most / values.len().max(1);
        let items = |li: &str| -> String {
            values.iter().map(|value| format!("<rdf:li{li}>{}</rdf:li>", plain(value, each))).collect()
        };
        let inner = match shape {
            Shape::Plain => values.iter().map(|value| plain(value, each)).collect(),
            Shape::Alt => format!("<rdf:Alt>{}</rdf:Alt>", items(" xml:lang=\"x-default\"")),
            Shape::Bag => format!("<rdf:Bag>{}</rdf:Bag>", items("")),
            Shape::Seq => format!("<rdf:Seq>{}</rdf:Seq>", items("")),
        };
        self.uses(prefix);
        self.text.push_str(&format!("<{0}:{name}>{inner}</{0}:{name}>", prefix.0));
    }

    fn packet(self) -> Option<String> {
        if self.text.is_empty() {
            return None;
        }
        let uses: String = self.uses.iter().map(|(prefix, uri)| format!(" xmlns:{prefix}=\"{uri}\"")).collect();
        Some(format!(
            "<?xpacket begin=\"\u{feff}\" id=\"W5M0MpCehiHzreSzNTczkc9d\"?>\
            <x:xmpmeta xmlns:x=\"adobe:ns:meta/\"><rdf:RDF xmlns:rdf=\"{RDF}\">\
            <rdf:Description rdf:about=\"\"{uses}>{}\
            </rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end=\"w\"?>",
            self.text
        ))
    }
}

/// A text as it may stand in XML, of so many bytes at most: what XML has no character for is a space.
fn plain(text: &str, most: usize) -> String {
    let is_none = |c: char| (c.is_control() && !matches!(c, '\t' | '\n')) || matches!(c, '\u{fffe}' | '\u{ffff}');
    let text: String = text.trim().chars().map(|c| if is_none(c) { ' ' } else { c }).collect();
    let mut out = String::new();
    for c in text.chars() {
        let mut buf = [0; 4];
        let escaped = escape(&*c.encode_utf8(&mut buf));
        if out.len() + escaped.len() > most {
            break;
        }
        out.push_str(&escaped);
    }
    out
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::media::xmp;

    fn all() -> Words {
        let some = |text: &str| Some(text.to_owned());
        Words {
            platform: some("tiktok"),
            derived_from: some("3f9a2c4b5d6e7081"),
            rights: some("© \"L&L\" <2026>"),
            creator: some("Ann; Bob"),
            system: some("flux via comfyui"),
            system_version: some("v1"),
            prompt: some("a red\u{b}dress"),
        }
    }

    #[test]
    fn what_is_written_is_read_back_and_nothing_is_no_packet() {
        let told = Told { source_type: None, public: BTreeMap::from([(Public::Credit, "L & L".to_owned())]) };
        let packet = all().packet(&told, None, (1080, 1920)).unwrap();
        let read = xmp::read(packet.as_bytes());
        assert!(!read.damaged, "{packet}");
        assert_eq!(read.subjects, ["platform:tiktok", "orientation:portrait"]);
        assert_eq!(read.texts["rights"], "© \"L&L\" <2026>");
        assert_eq!(read.texts["creator"], "Ann; Bob");
        assert_eq!(read.told.public, told.public);
        assert_eq!(read.derived_from.as_deref(), Some("3f9a2c4b5d6e7081"));
        assert!(packet.contains("<Iptc4xmpExt:AIPromptInformation>a red dress<"), "{packet}");
        assert_eq!(Words::default().packet(&told, None, (1, 1)), None, "without a platform nothing goes along");
        let square = Words { platform: Some("x".into()), ..Words::default() }.packet(&told, None, (5, 5)).unwrap();
        assert!(square.contains("orientation:square"));
    }

    #[test]
    fn a_packet_always_fits_into_a_segment() {
        let long = Some("\"".repeat(70_000));
        let words = Words {
            platform: long.clone(),
            derived_from: long.clone(),
            rights: long.clone(),
            creator: Some("<; ".repeat(30_000)),
            system: long.clone(),
            system_version: long.clone(),
            prompt: long.clone(),
        };
        let public = [Public::Marked, Public::WebStatement, Public::UsageTerms, Public::Credit, Public::AltText];
        let told = Told { source_type: None, public: public.map(|p| (p, long.clone().unwrap())).into() };
        assert!(words.packet(&told, long.as_deref(), (1, 1)).unwrap().len() < 65_000);
    }

    #[test]
    fn every_word_is_part_of_the_recipe() {
        let whole = all().canonical();
        assert_eq!(Words::default().canonical(), "");
        let gone: [fn(&mut Words); 7] = [
            |w| w.platform = None,
            |w| w.derived_from = None,
            |w| w.rights = None,
            |w| w.creator = None,
            |w| w.system = None,
            |w| w.system_version = None,
            |w| w.prompt = None,
        ];
        for go in gone {
            let mut less = all();
            go(&mut less);
            assert_ne!(less.canonical(), whole, "{less:?}");
        }
        let moved = Words { rights: Some(String::new()), creator: Some("a".into()), ..Words::default() };
        let other = Words { rights: Some("a".into()), creator: Some(String::new()), ..Words::default() };
        assert_ne!(moved.canonical(), other.canonical());
    }
}
