//! Hints at the role of an element on its page, from its attributes.
//!
//! Authors name the parts of a page in `class` and `id`, nearly always in English. The words below
//! come from the most common templates and content management systems, grouped by hint. A word must
//! match as a whole, unless a `*` before or after it allows more letters there. Words are separated
//! by characters other than letters, and by a change from lower to upper case.

use std::hash::BuildHasher as _;
use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, AhoCorasickKind};
use rustc_hash::{FxBuildHasher, FxHashMap};

use super::element::Element;
use super::tokenizer::Attributes;

/// A set of hints, one bit each.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub(super) struct Hints(pub u32);

/// Number of kinds of hints.
const HINTS: usize = 21;

impl Hints {
    pub(super) const NAVIGATION: Self = Self(1);
    pub(super) const FOOTER: Self = Self(1 << 1);
    pub(super) const HEADER: Self = Self(1 << 2);
    pub(super) const SIDEBAR: Self = Self(1 << 3);
    pub(super) const COMMENT: Self = Self(1 << 4);
    pub(super) const RELATED: Self = Self(1 << 5);
    pub(super) const SHARE: Self = Self(1 << 6);
    pub(super) const ADVERTISEMENT: Self = Self(1 << 7);
    pub(super) const CONSENT: Self = Self(1 << 8);
    pub(super) const SIGN_UP: Self = Self(1 << 9);
    pub(super) const AUTHOR: Self = Self(1 << 10);
    pub(super) const META: Self = Self(1 << 11);
    pub(super) const MEDIA: Self = Self(1 << 12);
    pub(super) const HIDDEN: Self = Self(1 << 13);
    pub(super) const UNSEEN: Self = Self(1 << 14);
    /// A word for the main part, such as `content` or `article`.
    pub(super) const MAIN: Self = Self(1 << 15);
    /// A word for something to read together with a word for its text, such as `entry-content`.
    pub(super) const BODY: Self = Self(1 << 16);
    pub(super) const TITLE: Self = Self(1 << 17);
    pub(super) const LEAD: Self = Self(1 << 18);
    pub(super) const SUBJECT: Self = Self(1 << 19);
    /// One of several similar pieces, such as `card`, in a list of links or in a manual.
    pub(super) const CARD: Self = Self(1 << 20);
    /// A word for text. It only serves to recognize [`Hints::BODY`].
    const TEXT: Self = Self(1 << 31);

    /// Hints that a part is not the text of the article.
    pub(super) const ASIDE: Self =
        Self((Self::MAIN.0 - 1) | Self::TITLE.0 | Self::LEAD.0 | Self::CARD.0);

    /// Hints that prose does not belong to the article.
    pub(super) const FOREIGN: Self = Self(
        Self::FOOTER.0
            | Self::SIDEBAR.0
            | Self::COMMENT.0
            | Self::RELATED.0
            | Self::CONSENT.0
            | Self::UNSEEN.0
            | Self::ADVERTISEMENT.0,
    );

    /// Each hint with the names of its features: it is near a block, it is on any of its ancestors,
    /// and it is on one of them within the best part.
    pub(super) const NAMES: [(Self, [&str; 3]); HINTS] = [
        (Self::NAVIGATION, ["near navigation", "under navigation", "in top, under navigation"]),
        (Self::FOOTER, ["near footer", "under footer", "in top, under footer"]),
        (Self::HEADER, ["near header", "under header", "in top, under header"]),
        (Self::SIDEBAR, ["near sidebar", "under sidebar", "in top, under sidebar"]),
        (Self::COMMENT, ["near comment", "under comment", "in top, under comment"]),
        (Self::RELATED, ["near related", "under related", "in top, under related"]),
        (Self::SHARE, ["near share", "under share", "in top, under share"]),
        (
            Self::ADVERTISEMENT,
            ["near advertisement", "under advertisement", "in top, under advertisement"],
        ),
        (Self::CONSENT, ["near consent", "under consent", "in top, under consent"]),
        (Self::SIGN_UP, ["near sign up", "under sign up", "in top, under sign up"]),
        (Self::AUTHOR, ["near author", "under author", "in top, under author"]),
        (Self::META, ["near meta", "under meta", "in top, under meta"]),
        (Self::MEDIA, ["near media", "under media", "in top, under media"]),
        (Self::HIDDEN, ["near hidden", "under hidden", "in top, under hidden"]),
        (Self::UNSEEN, ["near unseen", "under unseen", "in top, under unseen"]),
        (Self::MAIN, ["near main", "under main", "in top, under main"]),
        (Self::BODY, ["near body", "under body", "in top, under body"]),
        (Self::TITLE, ["near title", "under title", "in top, under title"]),
        (Self::LEAD, ["near lead", "under lead", "in top, under lead"]),
        (Self::SUBJECT, ["near subject", "under subject", "in top, under subject"]),
        (Self::CARD, ["near card", "under card", "in top, under card"]),
    ];

    pub(super) fn intersects(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Number of hints in the set.
    pub(super) fn count(self) -> u32 {
        self.0.count_ones()
    }

    pub(super) fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    pub(super) fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    pub(super) fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(super) fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }
}

/// The words for each hint.
const WORDS: [(Hints, &str); 21] = [
    (
        Hints::NAVIGATION,
        "nav* *nav menu* *menu breadcrumb* pagination paging pager toolbar tabs tab-* topbar \
         sitemap crumbs jumplinks toc pagenav sitenav subnav skip*",
    ),
    (Hints::FOOTER, "footer* *footer foot colophon copyright legal disclaimer imprint"),
    (Hints::HEADER, "header* *header masthead banner logo topbar hero branding"),
    (
        Hints::SIDEBAR,
        "sidebar* *sidebar aside rail *rail rightcol* right-col* rightcolumn right-column widget* \
         secondary complementary sticky supplemental",
    ),
    (
        Hints::COMMENT,
        "comment* *comments disqus* discuss* respond reply replies livefyre feedback viafoura \
         spotim coral talkback rating* ratings vote votes poll review reviews reactions",
    ),
    (
        Hints::RELATED,
        "related* *related recommend* recommended more *more also trending* popular* latest \
         recirc* outbrain* taboola* readnext next prev previous promo* promotion upnext similar \
         suggest* readmore mostread crosssell zergnet onward further recent newest interlink",
    ),
    (
        Hints::CARD,
        "card cards tile tiles teaser* carousel feed tout rec recs continue headlines grid list \
         listing item items row",
    ),
    (
        Hints::SHARE,
        "share* *share sharing* social* *social addthis* sharedaddy facebook twitter follow* \
         whatsapp pinterest linkedin addtoany sns jetpack print email mailto like likes tools \
         bookmark utility utilities actions",
    ),
    (
        Hints::ADVERTISEMENT,
        "ad ads ad-* advert* adsense adslot sponsor* dfp adunit adbox adcontainer adwrap* gpt \
         googlead* affiliate* promoted partner* commercial leaderboard mpu native-ad shop* \
         product-* buy",
    ),
    (
        Hints::CONSENT,
        "cookie* consent* gdpr privacy* popup* modal* overlay* lightbox onetrust dialog toast \
         notice notification* alert* warning error tooltip *popup *modal",
    ),
    (
        Hints::SIGN_UP,
        "newsletter* subscri* signup sign-up login signin sign-in register* registration paywall* \
         donat* form *form mailchimp cta optin membership premium offer* support contribute \
         account",
    ),
    (
        Hints::AUTHOR,
        "author* *author byline* *byline bio contributor* writer reporter profile avatar",
    ),
    (
        Hints::META,
        "meta *meta date* *date time timestamp *time tag tags tag-* taglist categor* keyword* \
         topics topic published info dateline updated kicker eyebrow label labels details hashtag* \
         section-name source location readtime",
    ),
    (
        Hints::MEDIA,
        "caption* *caption credit* *credit gallery* slideshow* video* *video player* photo* *photo \
         image* *image media thumb* infobox audio podcast embed* picture figure slider jwplayer \
         twitter-tweet instagram-media iframe map",
    ),
    (Hints::HIDDEN, "hidden hide visuallyhidden invisible noprint no-print collapsed"),
    (
        Hints::UNSEEN,
        "sr-only visually-hidden screenreader* screen-reader* assistive* offscreen noscreen \
         screen-only",
    ),
    (Hints::MAIN, "main article* content* *content primary maincontent center middle"),
    (Hints::TITLE, "title* *title headline* *headline heading subtitle subheadline hed subhead"),
    (
        Hints::LEAD,
        "lead lede intro* summary excerpt standfirst dek deck abstract description chapo \
         teaser-text highlights keypoints",
    ),
    (
        Hints::SUBJECT,
        "article* story* post entry blog* news page single hentry main text rich wysiwyg markdown \
         prose editorial",
    ),
    (
        Hints::TEXT,
        "body *body content *content text *text copy inner paragraphs markup prose richtext \
         wysiwyg",
    ),
];

/// A word and how it is matched.
struct Word {
    hint: Hints,
    is_open_before: bool,
    is_open_after: bool,
}

/// Finds [`WORDS`]. The patterns are constant, so building the automaton cannot fail once the tests
/// have passed.
static MATCHER: LazyLock<Option<(AhoCorasick, Vec<Word>)>> = LazyLock::new(|| {
    let mut patterns = Vec::new();
    let mut words = Vec::new();
    for (hint, list) in WORDS {
        for word in list.split_ascii_whitespace() {
            patterns.push(word.trim_matches('*'));
            let (is_open_before, is_open_after) = (word.starts_with('*'), word.ends_with('*'));
            words.push(Word { hint, is_open_before, is_open_after });
        }
    }
    let matcher = AhoCorasick::builder()
        .ascii_case_insensitive(true)
        .kind(Some(AhoCorasickKind::DFA))
        .build(patterns);
    debug_assert!(matcher.is_ok(), "the words make an automaton: {matcher:?}");
    Some((matcher.ok()?, words))
});

/// Reads the hints of elements, and caches them by the values of `class` and `id`.
#[derive(Debug, Default)]
pub(super) struct Reader {
    seen: FxHashMap<u64, Hints>,
}

impl Reader {
    pub(super) fn read(&mut self, element: Element, attributes: &Attributes) -> Hints {
        let mut hints = self.read_names(attributes.class).union(self.read_names(attributes.id));
        if attributes.is_hidden
            || attributes.aria_hidden == "true"
            || is_invisible(attributes.style)
        {
            hints = hints.union(Hints::UNSEEN);
        }
        match attributes.role {
            "navigation" | "menu" | "menubar" | "tablist" | "search" | "toolbar" => {
                hints = hints.union(Hints::NAVIGATION);
            }
            "contentinfo" => hints = hints.union(Hints::FOOTER),
            "banner" => hints = hints.union(Hints::HEADER),
            "complementary" | "note" => hints = hints.union(Hints::SIDEBAR),
            "dialog" | "alertdialog" | "alert" | "status" => hints = hints.union(Hints::CONSENT),
            "main" | "article" => hints = hints.union(Hints::MAIN),
            // In most elements the value is empty.
            _ => {}
        }
        match attributes.itemprop {
            "articleBody" | "reviewBody" | "text" => {
                hints = hints.union(Hints::BODY).without(Hints::COMMENT);
            }
            "headline" | "name" => hints = hints.union(Hints::TITLE),
            "author" => hints = hints.union(Hints::AUTHOR),
            "datePublished" | "dateModified" => hints = hints.union(Hints::META),
            _ => {}
        }
        match element {
            Element::Nav | Element::Menu => hints.union(Hints::NAVIGATION),
            Element::Footer => hints.union(Hints::FOOTER),
            Element::Header => hints.union(Hints::HEADER),
            Element::Aside => hints.union(Hints::SIDEBAR),
            Element::Form | Element::Fieldset => hints.union(Hints::SIGN_UP),
            Element::Figcaption | Element::Figure => hints.union(Hints::MEDIA),
            Element::Article | Element::Main => hints.union(Hints::MAIN),
            Element::Time => hints.union(Hints::META),
            _ => hints,
        }
    }

    /// The hints of a value of `class` or `id`, which consists of names separated by spaces.
    fn read_names(&mut self, names: &str) -> Hints {
        if names.is_empty() {
            return Hints::default();
        }
        let key = FxBuildHasher.hash_one(names);
        if let Some(hints) = self.seen.get(&key) {
            return *hints;
        }
        let read = |hints: Hints, name: &str| hints.union(hints_of_name(name));
        let hints = names.split_ascii_whitespace().take(MAX_NAMES).fold(Hints::default(), read);
        self.seen.insert(key, hints);
        hints
    }
}

/// Maximum number of names per attribute; further ones are ignored.
const MAX_NAMES: usize = 32;

fn hints_of_name(name: &str) -> Hints {
    let mut hints = Hints::default();
    let Some((matcher, words)) = &*MATCHER else { return hints };
    let bytes = name.as_bytes();
    for found in matcher.find_overlapping_iter(name) {
        let word = &words[found.pattern().as_usize()];
        let begins = word.is_open_before || is_boundary(bytes, found.start());
        let ends = word.is_open_after || is_boundary(bytes, found.end());
        // Names such as `hidden-xs` hide an element on some screens only.
        let is_whole = found.len() == name.len();
        if begins && ends && (is_whole || word.hint != Hints::HIDDEN) {
            hints = hints.union(word.hint);
        }
    }
    let is_body = hints.contains(Hints::SUBJECT.union(Hints::TEXT));
    let hints = hints.without(Hints::TEXT);
    if is_body { hints.union(Hints::BODY) } else { hints }
}

/// Whether a word may begin or end at a position.
fn is_boundary(bytes: &[u8], at: usize) -> bool {
    if at == 0 || at == bytes.len() {
        return true;
    }
    let (before, after) = (bytes[at - 1], bytes[at]);
    !before.is_ascii_alphabetic()
        || !after.is_ascii_alphabetic()
        || (before.is_ascii_lowercase() && after.is_ascii_uppercase())
}

/// Whether a style makes an element invisible.
fn is_invisible(style: &str) -> bool {
    if style.is_empty() {
        return false;
    }
    style.split(';').any(|rule| {
        let Some((name, value)) = rule.split_once(':') else { return false };
        let value = value.trim();
        (name.trim().eq_ignore_ascii_case("display") && value.starts_with("none"))
            || (name.trim().eq_ignore_ascii_case("visibility") && value.starts_with("hidden"))
    })
}
