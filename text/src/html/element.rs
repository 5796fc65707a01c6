//! The elements of HTML that the parser and the extractor distinguish.

/// The name of an element in lower case, with its bytes packed into a number.
type PackedName = u128;

/// Maximum length of a packed name in bytes. No element listed below has a longer name.
const MAX_NAME_BYTES: usize = 16;

macro_rules! elements {
    ($($variant:ident $name:literal,)*) => {
        /// An element of a page.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(super) enum Element {
            $(#[doc = $name] $variant,)*
            /// A custom element: one with a hyphen in its name.
            Custom,
            /// Any other element; none of these starts a new line.
            Other,
        }

        /// Number of kinds of elements.
        pub(super) const ELEMENTS: usize = Element::Other as usize + 1;

        impl Element {
            /// The element with this name, in upper or lower case.
            pub(super) fn from_name(name: &[u8]) -> Self {
                if name.len() <= MAX_NAME_BYTES {
                    let packed = pack(name);
                    $(if packed == const { pack($name.as_bytes()) } {
                        return Self::$variant;
                    })*
                }
                if name.contains(&b'-') { Self::Custom } else { Self::Other }
            }
        }
    };
}

elements! {
    A "a", Address "address", Area "area", Article "article", Aside "aside", Audio "audio", B "b",
    Base "base", Blockquote "blockquote", Body "body", Br "br", Button "button", Canvas "canvas",
    Caption "caption", Center "center", Code "code", Col "col", Colgroup "colgroup",
    Datalist "datalist", Dd "dd", Details "details", Dialog "dialog", Dir "dir", Div "div", Dl "dl",
    Dt "dt", Em "em", Embed "embed", Fieldset "fieldset", Figcaption "figcaption", Figure "figure",
    Footer "footer", Form "form", Frame "frame", Frameset "frameset", H1 "h1", H2 "h2", H3 "h3",
    H4 "h4", H5 "h5", H6 "h6", Head "head", Header "header", Hgroup "hgroup", Hr "hr", Html "html",
    I "i", Iframe "iframe", Img "img", Input "input", Legend "legend", Li "li", Link "link",
    Listing "listing", Main "main", Math "math", Menu "menu", Meta "meta", Nav "nav",
    Noembed "noembed", Noframes "noframes", Noscript "noscript", Object "object", Ol "ol",
    Optgroup "optgroup", Option "option", P "p", Param "param", Plaintext "plaintext", Pre "pre",
    Rp "rp", Rt "rt", Script "script", Search "search", Section "section", Select "select",
    Source "source", Span "span", Strong "strong", Style "style", Summary "summary", Svg "svg",
    Table "table", Tbody "tbody", Td "td", Template "template", Textarea "textarea", Tfoot "tfoot",
    Th "th", Thead "thead", Time "time", Title "title", Tr "tr", Track "track", Ul "ul",
    Video "video", Wbr "wbr", Xmp "xmp",
}

const fn pack(name: &[u8]) -> PackedName {
    let mut packed = 0;
    let mut at = 0;
    while at < name.len() && at < MAX_NAME_BYTES {
        packed = packed << 8 | name[at].to_ascii_lowercase() as PackedName;
        at += 1;
    }
    packed
}

impl Element {
    /// Whether the element has neither content nor end tag (HTML Standard §13.1.2).
    pub(super) fn is_void(self) -> bool {
        use Element::{
            Area, Base, Br, Col, Embed, Frame, Hr, Img, Input, Link, Meta, Param, Source, Track,
            Wbr,
        };
        matches!(
            self,
            Area | Base
                | Br
                | Col
                | Embed
                | Frame
                | Hr
                | Img
                | Input
                | Link
                | Meta
                | Param
                | Source
                | Track
                | Wbr
        )
    }

    /// Whether everything up to the end tag is skipped without parsing it: elements such as
    /// scripts, whose content is not markup, and drawings, whose elements are irrelevant here.
    pub(super) fn is_raw_text(self) -> bool {
        use Element::{
            Iframe, Noembed, Noframes, Noscript, Script, Style, Svg, Textarea, Title, Xmp,
        };
        matches!(
            self,
            Iframe | Noembed | Noframes | Noscript | Script | Style | Svg | Textarea | Title | Xmp
        )
    }

    /// Whether the text inside the element does not belong to the text of the page.
    pub(super) fn is_dropped(self) -> bool {
        use Element::{
            Audio, Button, Canvas, Datalist, Dialog, Head, Noembed, Noframes, Object, Optgroup,
            Option, Rp, Select, Template, Video,
        };
        matches!(
            self,
            Audio
                | Button
                | Canvas
                | Datalist
                | Dialog
                | Head
                | Noembed
                | Noframes
                | Object
                | Optgroup
                | Option
                | Rp
                | Select
                | Template
                | Video
        )
    }

    /// Whether the element begins a new line, as `display: block` and the parts of tables do
    /// (HTML Standard §15.3).
    pub(super) fn is_block(self) -> bool {
        self.closes_paragraph()
            || self.is_table_part()
            || matches!(
                self,
                Element::Custom
                    | Element::Legend
                    | Element::Button
                    | Element::Dialog
                    | Element::Body
            )
    }

    /// Whether the start tag ends an open paragraph (HTML Standard §13.2.6.4.7).
    pub(super) fn closes_paragraph(self) -> bool {
        use Element::{
            Address, Article, Aside, Blockquote, Center, Dd, Details, Dir, Div, Dl, Dt, Fieldset,
            Figcaption, Figure, Footer, Form, Header, Hgroup, Hr, Li, Listing, Main, Menu, Nav, Ol,
            P, Plaintext, Pre, Search, Section, Summary, Table, Ul, Xmp,
        };
        self.is_heading()
            || matches!(
                self,
                Address
                    | Article
                    | Aside
                    | Blockquote
                    | Center
                    | Dd
                    | Details
                    | Dir
                    | Div
                    | Dl
                    | Dt
                    | Fieldset
                    | Figcaption
                    | Figure
                    | Footer
                    | Form
                    | Header
                    | Hgroup
                    | Hr
                    | Li
                    | Listing
                    | Main
                    | Menu
                    | Nav
                    | Ol
                    | P
                    | Plaintext
                    | Pre
                    | Search
                    | Section
                    | Summary
                    | Table
                    | Ul
                    | Xmp
            )
    }

    /// Whether the element is a part of a table, which is closed by its end tag or by the next
    /// part.
    pub(super) fn is_table_part(self) -> bool {
        use Element::{Caption, Colgroup, Tbody, Td, Tfoot, Th, Thead, Tr};
        matches!(self, Caption | Colgroup | Tbody | Td | Tfoot | Th | Thead | Tr)
    }

    /// Whether the element is one of `h1` to `h6`.
    pub(super) fn is_heading(self) -> bool {
        use Element::{H1, H2, H3, H4, H5, H6};
        matches!(self, H1 | H2 | H3 | H4 | H5 | H6)
    }

    /// Whether line breaks and spaces in the element's text are kept.
    pub(super) fn is_preformatted(self) -> bool {
        matches!(self, Element::Pre | Element::Listing | Element::Plaintext)
    }

    /// Whether the element is a list of items with bullets or numbers.
    pub(super) fn is_list(self) -> bool {
        matches!(self, Element::Ul | Element::Ol | Element::Menu | Element::Dir)
    }
}
