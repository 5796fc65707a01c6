//! Words in a URL that hint at adult and spam sites, without an external list.

use super::host;

/// Words that mark adult sites if they are whole words of a host name or a path.
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

/// Strings that mark adult sites anywhere in a host name, because no harmless word contains them.
const ADULT_SUBSTRINGS: &[&str] = &[
    "camgirl", "fuck", "hentai", "livesex", "porn", "sexcam", "sexchat", "sexvid", "xvideo", "xxx",
];

/// Words that mark spam sites if they are whole words of a host name.
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

/// The reason why a URL by itself makes its page suspicious, or `None`.
///
/// `adult_host` and `adult_path`: the host or the path has a word of adult sites. `spam_host`: the
/// host has a word about gambling, pills or loans. `ip_host`: the host is an IP address. The lists
/// of words are short and our own; their words rarely have a harmless meaning in a URL. For a
/// stricter filter use a [`BlockList`](super::BlockList).
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
