//! Words of an address that hint at adult and spam sites, without any list from outside.

use super::host;

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
            let _ = suspicion(&url);
        }
    }
}
