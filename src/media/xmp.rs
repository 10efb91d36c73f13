//! XMP packets: the few properties that become facets.
//!
//! Both the attribute and the element form are read. Entities other than the five of XML are dropped, never expanded.

use std::collections::BTreeMap;

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use super::source_type;
use super::words::{Public, Told};

pub(super) const MAX_PACKET: usize = 4 * 1024 * 1024;
const MAX_DEPTH: usize = 64;
const MAX_EVENTS: usize = 200_000;
const MAX_VALUES: usize = 4_096;
const MAX_BINDINGS: usize = 256;
/// A list is joined up to about here.
const MAX_JOINED: usize = 64 * 1024;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ns {
    Rdf,
    Dc,
    Xmp,
    Exif,
    Photoshop,
    IptcCore,
    IptcExt,
    Rights,
    Media,
    Reference,
    Damfs,
}

fn namespace(uri: &[u8]) -> Option<Ns> {
    Some(match uri {
        b"http://www.w3.org/1999/02/22-rdf-syntax-ns#" => Ns::Rdf,
        b"http://purl.org/dc/elements/1.1/" => Ns::Dc,
        b"http://ns.adobe.com/xap/1.0/" => Ns::Xmp,
        b"http://ns.adobe.com/exif/1.0/" => Ns::Exif,
        b"http://ns.adobe.com/photoshop/1.0/" => Ns::Photoshop,
        b"http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/" => Ns::IptcCore,
        b"http://iptc.org/std/Iptc4xmpExt/2008-02-29/" => Ns::IptcExt,
        b"http://ns.adobe.com/xap/1.0/rights/" => Ns::Rights,
        b"http://ns.adobe.com/xap/1.0/mm/" => Ns::Media,
        b"http://ns.adobe.com/xap/1.0/sType/ResourceRef#" => Ns::Reference,
        b"http://damfs.org/ns/1.0/" => Ns::Damfs,
        _ => return None,
    })
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Property {
    Subject,
    Description,
    /// Of Dublin Core, by its name there.
    Text(&'static str),
    Rating,
    Created,
    UserComment,
    Person,
    Campaign,
    Persona,
    SourceType,
    Public(Public),
    DerivedFrom,
    Place,
}

/// What of Dublin Core is kept by its name. Its `format` follows from the bytes.
const TEXTS: [&str; 12] = [
    "title",
    "creator",
    "rights",
    "contributor",
    "coverage",
    "date",
    "identifier",
    "language",
    "publisher",
    "relation",
    "source",
    "type",
];
/// Those of them that are one text in several languages, not a list.
const ONE_TEXT: [&str; 2] = ["title", "rights"];

fn property(ns: Ns, local: &[u8]) -> Option<Property> {
    Some(match (ns, local) {
        (Ns::Dc, b"subject") => Property::Subject,
        (Ns::Dc, b"description") => Property::Description,
        (Ns::Dc, name) => Property::Text(TEXTS.iter().find(|text| text.as_bytes() == name)?),
        (Ns::Xmp, b"Rating") => Property::Rating,
        (Ns::Xmp, b"CreateDate") | (Ns::Exif, b"DateTimeOriginal") | (Ns::Photoshop, b"DateCreated") => {
            Property::Created
        }
        (Ns::Exif, b"UserComment") => Property::UserComment,
        (Ns::Exif, b"GPSLatitude" | b"GPSLongitude") => Property::Place,
        (Ns::IptcExt, b"PersonInImage") => Property::Person,
        (Ns::IptcExt, b"DigitalSourceType") => Property::SourceType,
        (Ns::Rights, b"Marked") => Property::Public(Public::Marked),
        (Ns::Rights, b"WebStatement") => Property::Public(Public::WebStatement),
        (Ns::Rights, b"UsageTerms") => Property::Public(Public::UsageTerms),
        (Ns::Photoshop, b"Credit") => Property::Public(Public::Credit),
        (Ns::IptcCore, b"AltTextAccessibility") => Property::Public(Public::AltText),
        (Ns::Media, b"DerivedFrom") => Property::DerivedFrom,
        (Ns::Damfs, b"Campaign") => Property::Campaign,
        (Ns::Damfs, b"Persona") => Property::Persona,
        _ => return None,
    })
}

/// What was read, as text.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Xmp {
    pub subjects: Vec<String>,
    pub description: Option<String>,
    /// By name; a list's values are joined with `; `.
    pub texts: BTreeMap<&'static str, String>,
    /// -1 (rejected) to 5; 0 is not rated.
    pub rating: Option<i8>,
    pub created: Option<String>,
    pub user_comment: Option<String>,
    pub persons: Vec<String>,
    pub campaign: Option<String>,
    pub personas: Vec<String>,
    /// A value of a known vocabulary, and what is for everybody.
    pub told: Told,
    /// The first of what is told of what it was made of.
    pub derived_from: Option<String>,
    /// It says where the picture was taken.
    pub place: bool,
    /// The packet is not well formed, or too large; what came before is kept.
    pub damaged: bool,
}

impl Xmp {
    fn put(&mut self, property: Property, value: &str) {
        let value = value.trim();
        if value.is_empty() {
            return;
        }
        // The first of several alternatives is the default one.
        let once = |slot: &mut Option<String>| {
            slot.get_or_insert_with(|| value.to_owned());
        };
        let many = |list: &mut Vec<String>| {
            if list.len() < MAX_VALUES {
                list.push(value.to_owned());
            }
        };
        match property {
            Property::Subject => many(&mut self.subjects),
            Property::Person => many(&mut self.persons),
            Property::Persona => many(&mut self.personas),
            Property::Description => once(&mut self.description),
            Property::Text(name) => match self.texts.get_mut(name) {
                None => {
                    self.texts.insert(name, value.to_owned());
                }
                Some(text) if !ONE_TEXT.contains(&name) && text.len() < MAX_JOINED => {
                    text.push_str("; ");
                    text.push_str(value);
                }
                Some(_) => {}
            },
            Property::Created => once(&mut self.created),
            Property::UserComment => once(&mut self.user_comment),
            Property::Campaign => once(&mut self.campaign),
            Property::SourceType => {
                let told = &mut self.told.source_type;
                *told = told.take().or_else(|| source_type::read(value));
            }
            Property::Public(public) => {
                self.told.public.entry(public).or_insert_with(|| value.to_owned());
            }
            Property::DerivedFrom => once(&mut self.derived_from),
            Property::Place => self.place = true,
            Property::Rating => {
                let whole = value.split('.').next().unwrap_or_default();
                self.rating = self.rating.or_else(|| whole.parse().ok().filter(|r| (-1..=5).contains(r)));
            }
        }
    }
}

#[derive(Default)]
struct Walk {
    out: Xmp,
    depth: usize,
    /// Prefixes of known namespaces, with the depth that declared them. Others are not kept.
    bindings: Vec<(usize, Vec<u8>, Option<Ns>)>,
    /// The property whose element is open, its depth, and whether it had list items.
    open: Option<(Property, usize, bool)>,
    text: String,
}

/// Reads a packet.
pub(super) fn read(packet: &[u8]) -> Xmp {
    let mut walk = Walk::default();
    let packet = packet.get(..packet.len().min(MAX_PACKET)).unwrap_or_default();
    let packet = packet.strip_suffix(b"\0").unwrap_or(packet);
    let mut reader = Reader::from_reader(packet);
    reader.config_mut().check_end_names = false;
    let mut finished = false;
    for _ in 0..MAX_EVENTS {
        match reader.read_event() {
            Ok(Event::Start(e)) => {
                walk.start(&e);
                if walk.depth > MAX_DEPTH {
                    break;
                }
            }
            Ok(Event::Empty(e)) => {
                walk.start(&e);
                walk.end();
            }
            Ok(Event::End(_)) => walk.end(),
            Ok(Event::Text(e)) => walk.text.push_str(&String::from_utf8_lossy(&e)),
            Ok(Event::CData(e)) => walk.text.push_str(&String::from_utf8_lossy(&e)),
            Ok(Event::GeneralRef(e)) => {
                let known = e.resolve_char_ref().ok().flatten().or(match &*e {
                    b"amp" => Some('&'),
                    b"lt" => Some('<'),
                    b"gt" => Some('>'),
                    b"quot" => Some('"'),
                    b"apos" => Some('\''),
                    _ => None,
                });
                walk.text.extend(known);
            }
            Ok(Event::Eof) => {
                finished = true;
                break;
            }
            Ok(_) => {}
            Err(_) => break,
        }
    }
    walk.out.damaged = !finished;
    walk.out
}

impl Walk {
    fn resolve(&self, prefix: &[u8]) -> Option<Ns> {
        self.bindings.iter().rev().find(|(_, p, _)| p == prefix).and_then(|(_, _, ns)| *ns)
    }

    fn start(&mut self, e: &BytesStart<'_>) {
        self.depth = self.depth.saturating_add(1);
        for a in e.attributes().with_checks(false).flatten() {
            let prefix = match a.key.prefix() {
                Some(p) if p.as_ref() == b"xmlns" => a.key.local_name().as_ref().to_vec(),
                None if a.key.as_ref() == b"xmlns" => Vec::new(),
                _ => continue,
            };
            let ns = namespace(&a.value);
            let shadows = self.bindings.iter().any(|(_, p, _)| *p == prefix);
            if (ns.is_some() || shadows) && self.bindings.len() < MAX_BINDINGS {
                self.bindings.push((self.depth, prefix, ns));
            }
        }
        let name = e.name();
        let ns = self.resolve(name.prefix().map(|p| p.into_inner()).unwrap_or_default());
        let local = name.local_name();
        match ns {
            Some(Ns::Rdf) if local.as_ref() == b"Description" && self.open.is_none() => self.attributes(e),
            Some(Ns::Rdf) if local.as_ref() == b"li" => {
                if let Some((_, _, items)) = &mut self.open {
                    *items = true;
                }
                self.text.clear();
            }
            Some(ns) if self.open.is_none() => {
                if let Some(p) = property(ns, local.as_ref()) {
                    self.resource(e, p);
                    self.open = Some((p, self.depth, false));
                    self.text.clear();
                }
            }
            _ => {}
        }
    }

    fn attributes(&mut self, e: &BytesStart<'_>) {
        for a in e.attributes().with_checks(false).flatten() {
            let Some(prefix) = a.key.prefix() else { continue };
            let Some(p) = self.resolve(prefix.as_ref()).and_then(|ns| property(ns, a.key.local_name().as_ref())) else {
                continue;
            };
            let raw = String::from_utf8_lossy(&a.value);
            let value = quick_xml::escape::unescape(&raw).map_or_else(|_| raw.to_string(), |v| v.into_owned());
            self.out.put(p, &value);
        }
    }

    /// An address may also be written as what the property points to.
    fn resource(&mut self, e: &BytesStart<'_>, property: Property) {
        for a in e.attributes().with_checks(false).flatten() {
            let is_rdf = a.key.prefix().and_then(|prefix| self.resolve(prefix.as_ref())) == Some(Ns::Rdf);
            let is_resource = is_rdf && a.key.local_name().as_ref() == b"resource";
            let is_source = property == Property::DerivedFrom && a.key.local_name().as_ref() == b"documentID";
            if is_resource || is_source {
                self.out.put(property, &String::from_utf8_lossy(&a.value));
            }
        }
    }

    fn end(&mut self) {
        if let Some((property, depth, items)) = self.open {
            // Inside a list every closing element ends an item; white space between items is dropped as empty.
            if depth == self.depth {
                if !items {
                    self.out.put(property, &self.text);
                }
                self.open = None;
            } else {
                self.out.put(property, &self.text);
            }
            self.text.clear();
        } else {
            self.text.clear();
        }
        let depth = self.depth;
        self.bindings.retain(|(at, _, _)| *at < depth);
        self.depth = depth.saturating_sub(1);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]
mod tests {
    use super::*;

    const ELEMENTS: &str = r#"<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:purl="http://purl.org/dc/elements/1.1/" xmlns:d="http://damfs.org/ns/1.0/"
 xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmlns:e="http://iptc.org/std/Iptc4xmpExt/2008-02-29/">
<purl:subject><rdf:Bag><rdf:li>beach &amp; sun</rdf:li> <rdf:li>&#x6771;</rdf:li></rdf:Bag></purl:subject>
<purl:title><rdf:Alt><rdf:li xml:lang="x-default">One</rdf:li><rdf:li xml:lang="de">Eins</rdf:li></rdf:Alt></purl:title>
<purl:creator><rdf:Seq><rdf:li>Ann</rdf:li><rdf:li>Bob</rdf:li></rdf:Seq></purl:creator><purl:format>image/png</purl:format>
<xmp:Rating>4</xmp:Rating><e:PersonInImage><rdf:Bag><rdf:li>Luna</rdf:li></rdf:Bag></e:PersonInImage>
<d:Campaign>Summer</d:Campaign><d:Persona><rdf:Bag><rdf:li>luna</rdf:li><rdf:li>mira</rdf:li></rdf:Bag></d:Persona>
</rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end="w"?>"#;

    #[test]
    fn both_forms_are_read() {
        let x = read(ELEMENTS.as_bytes());
        assert_eq!(x.subjects, ["beach & sun", "東"]);
        assert_eq!((x.rating, x.campaign.as_deref()), (Some(4), Some("Summer")));
        assert_eq!(x.texts, BTreeMap::from([("title", "One".to_owned()), ("creator", "Ann; Bob".to_owned())]));
        assert_eq!(x.persons, ["Luna"]);
        assert_eq!(x.personas, ["luna", "mira"]);
        assert!(!x.damaged);
        let a = read(
            br#"<r:RDF xmlns:r="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><r:Description
            xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmp:Rating="3.0" xmp:CreateDate="2026-05-17" /></r:RDF>"#,
        );
        assert_eq!((a.rating, a.created.as_deref()), (Some(3), Some("2026-05-17")));
    }

    #[test]
    fn a_source_type_is_read_in_every_form() {
        let uri = "http://cv.iptc.org/newscodes/digitalsourcetype/digitalCapture";
        let packet = |attribute: &str, body: &str| {
            format!(
                r#"<r:RDF xmlns:r="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><r:Description
                xmlns:i="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" {attribute}>{body}</r:Description></r:RDF>"#
            )
        };
        for text in [
            packet(&format!("i:DigitalSourceType=\"{uri}\""), ""),
            packet("", &format!("<i:DigitalSourceType>{uri}</i:DigitalSourceType>")),
            packet("", &format!("<i:DigitalSourceType r:resource=\"{uri}\"/>")),
        ] {
            assert_eq!(read(text.as_bytes()).told.source_type.as_deref(), Some(uri), "{text}");
        }
    }

    #[test]
    fn entities_are_never_expanded_and_depth_is_bounded() {
        let bomb = format!(
            r#"<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]>{}"#,
            ELEMENTS.replace("beach &amp; sun", "x&b;y")
        );
        assert_eq!(read(bomb.as_bytes()).subjects.first().map(String::as_str), Some("xy"));
        assert!(read("<a>".repeat(100_000).as_bytes()).damaged);
    }
}
