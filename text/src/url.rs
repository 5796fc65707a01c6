//! What a document's address says about it.

/// Words that, as a whole label of a host name or a whole word of a path, mark adult sites.
const ADULT_WORDS: &[&str] = &[
    "adultfriends",
    "bdsm",
    "blowjob",
    "camgirl",
    "camgirls",
    "camsex",
    "creampie",
    "cumshot",
    "deepthroat",
    "erotica",
    "escort",
    "escorts",
    "fetish",
    "gangbang",
    "handjob",
    "hardcore",
    "hentai",
    "hookups",
    "livesex",
    "milf",
    "milfs",
    "nsfw",
    "nude",
    "nudes",
    "nudity",
    "orgy",
    "porn",
    "porno",
    "pornos",
    "pornstar",
    "pornstars",
    "sexcam",
    "sexcams",
    "sexchat",
    "sexshop",
    "sexvideo",
    "sexvideos",
    "shemale",
    "striptease",
    "swingers",
    "upskirt",
    "webcamsex",
    "xxx",
];

/// Strings that mark adult sites wherever they stand in a host name: no harmless word holds them.
const ADULT_SUBSTRINGS: &[&str] = &[
    "camgirl", "fuck", "hentai", "livesex", "porn", "sexcam", "sexchat", "sexvid", "xvideo", "xxx",
];

/// Words that, as a whole word of a host name, mark sites that exist to sell or to cheat.
const SPAM_WORDS: &[&str] = &[
    "casino",
    "casinos",
    "cialis",
    "essaywriting",
    "jackpot",
    "paydayloan",
    "paydayloans",
    "poker",
    "replicawatches",
    "slots",
    "sportsbook",
    "togel",
    "tramadol",
    "viagra",
];

/// The host of a URL in lower case, without user, port and final dot: `www.example.com`. `None`
/// when there is none. A missing scheme is allowed (`example.com/path`), an IPv6 address keeps its
/// brackets.
pub fn host(url: &str) -> Option<String> {
    let authority = authority(url)?;
    let host = match authority.strip_prefix('[') {
        Some(address) => &authority[..address.find(']')? + 2],
        None => authority.split(':').next().unwrap_or(authority),
    };
    let host = host.trim_end_matches('.');
    let is_host =
        |c: char| !(c.is_ascii_control() || c.is_whitespace() || "<>\"\\^`{|}".contains(c));
    (!host.is_empty() && host.chars().all(is_host)).then(|| host.to_lowercase())
}

/// The part of a URL between scheme and path, without user.
fn authority(url: &str) -> Option<&str> {
    let url = url.trim();
    let (behind_scheme, has_scheme) = match url.split_once("://") {
        Some((scheme, rest)) if !scheme.contains(['/', '?', '#']) => (rest, true),
        _ => url.strip_prefix("//").map_or((url, false), |rest| (rest, true)),
    };
    let end = behind_scheme.find(['/', '?', '#', '\\']).unwrap_or(behind_scheme.len());
    let authority = &behind_scheme[..end];
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    // `mailto:x@y.z`, `about:blank` and a bare word are no addresses of hosts.
    (has_scheme || (host.len() == authority.len() && host.contains('.'))).then_some(host)
}

/// Why a URL alone is a reason to distrust its page, or `None`.
///
/// `adult_host` and `adult_path`: a word of an adult site as a word of the host or path;
/// `spam_host`: a word of gambling, pills or loans in the host; `ip_host`: an address in place of
/// a name. The lists are short and ours: words that seldom have a harmless meaning in an address.
/// A blocklist of domains is another, larger instrument.
pub fn suspicion(url: &str) -> Option<&'static str> {
    let host = host(url)?;
    let words = |part: &str, list: &[&str]| {
        part.split(|c: char| !c.is_alphanumeric())
            .any(|word| list.iter().any(|listed| listed.eq_ignore_ascii_case(word)))
    };
    if ADULT_SUBSTRINGS.iter().any(|listed| host.contains(listed)) || words(&host, ADULT_WORDS) {
        return Some("adult_host");
    }
    if words(&host, SPAM_WORDS) {
        return Some("spam_host");
    }
    let is_ipv4 = host.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    if is_ipv4 || host.starts_with('[') {
        return Some("ip_host");
    }
    let path = url.split_once("://").map_or(url, |(_, rest)| rest);
    let path = path.find(['/', '?', '#']).map_or("", |at| &path[at..]);
    words(path, ADULT_WORDS).then_some("adult_path")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn hosts() {
        assert_eq!(
            host("https://me:pw@WWW.Example.COM.:8080/a@b?c").as_deref(),
            Some("www.example.com")
        );
        assert_eq!(host("example.org/path").as_deref(), Some("example.org"));
        assert_eq!(host("//cdn.example.org").as_deref(), Some("cdn.example.org"));
        assert_eq!(host("http://[2001:DB8::1]:80/").as_deref(), Some("[2001:db8::1]"));
        for none in
            ["", "mailto:a@b.example", "about:blank", "http://", "/relative/path", "http://[::1"]
        {
            assert_eq!(host(none), None, "{none:?}");
        }
    }

    #[test]
    fn suspicions() {
        assert_eq!(suspicion("http://free-porn-tube.example/"), Some("adult_host"));
        assert_eq!(suspicion("http://a.example/videos/hentai-1"), Some("adult_path"));
        assert_eq!(suspicion("http://best-casino.example/"), Some("spam_host"));
        assert_eq!(suspicion("http://192.0.2.7/x"), Some("ip_host"));
        assert_eq!(suspicion("https://www.middlesex.example/essex/cockpit"), None);
        assert_eq!(suspicion("https://history.example/Ornithology"), None);
    }

    proptest! {
        #[test]
        fn any_url_is_read(url in any::<String>()) {
            let _ = (host(&url), suspicion(&url));
        }
    }
}
