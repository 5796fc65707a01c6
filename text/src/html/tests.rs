//! Tests of the whole extraction.

use proptest::prelude::*;

use super::*;

fn article(extra: &str) -> String {
    let sentence = "The miller ground the wheat, slowly, while his children slept upstairs. ";
    let paragraph = format!("<p>{}</p>", sentence.repeat(6));
    format!(
        "<html><head><title>On Milling</title></head><body><nav><a href=/>Home</a></nav>{extra}\
         <article>{}</article></body></html>",
        paragraph.repeat(3)
    )
}

/// The text of a page whose blocks are all content.
fn whole_text(html: &str) -> String {
    let tree = tree::parse(html).unwrap();
    let blocks = blocks::read(html, &tree);
    render::render(&tree, &blocks, &vec![true; blocks.blocks.len()])
}

#[test]
fn an_article_is_found_and_its_paragraphs_are_apart() {
    let found = extract(&article("")).unwrap();
    assert_eq!(found.title.as_deref(), Some("On Milling"));
    assert_eq!(found.text.split("\n\n").count(), 3);
    assert!(!found.text.contains("Home"));
}

#[test]
fn boilerplate_around_an_article_is_left_out() {
    let page = article(
        "<div class='cookie-banner'><p>We use cookies to make this site better. \
         <a href=/c>More</a></p></div>\
         <ul class=menu><li><a href=/a>News</a><li><a href=/b>Shop</a></ul>",
    )
    .replace(
        "</body>",
        "<div class='share-bar'><a href=/s>Share this</a></div>\
         <section id=comments><p>I liked this very much, thank you for writing it!</p></section>\
         <div class='related-posts'><h3>Read also</h3><a href=/r>The baker and the mill</a></div>\
         <footer>Copyright of the mill, all rights reserved.</footer></body>",
    );
    assert_eq!(extract(&page).unwrap().text, extract(&article("")).unwrap().text);
}

#[test]
fn a_page_without_text_says_why() {
    assert_eq!(extract(""), Err(Defeat::NoText));
    assert_eq!(extract("<p></p><script>let a = 1;</script>"), Err(Defeat::NoText));
    assert_eq!(extract(&" ".repeat(MAX_HTML_BYTES + 1)), Err(Defeat::TooLarge));
    assert_eq!(extract(&"<b>".repeat(MAX_HTML_BYTES / 3)), Err(Defeat::TooManyNodes));
}

#[test]
fn structure_is_kept() {
    let cases = [
        ("<h2>A</h2>b<p>c<p>d", "A\n\nb\n\nc\n\nd"),
        ("a<br>b<br><br>c", "a\nb\n\nc"),
        ("<ul><li>a<li><p>b</p><p>c</p></ul>d", "- a\n- b\n\nc\n\nd"),
        ("<table><tr><th>a<th>b<tr><td>c<td>d</table>", "a | b\nc | d"),
        ("<table><tr><td>menu<td><p>a</p><p>b</p></table>", "menu\n\na\n\nb"),
        ("<pre>\n  a\n\n    b &lt; c \n</pre>", "  a\n\n    b < c"),
        ("<dl><dt>a<dd>b<dt>c<dd>d</dl>", "a\n\nb\n\nc\n\nd"),
        ("a <b> b </b>\n c<span>d</span>", "a b cd"),
        ("a<!-- b --!>c<!--> d -->e<![CDATA[f]]>g<?h?>i", "ac d -->egi"),
        (
            "<p>1 < 2 & 3 &lt; 4 &#8217;&#x41;&#146;&eacute;&copy&notit; &bogus;",
            "1 < 2 & 3 < 4 ’A’é©¬it; &bogus;",
        ),
        ("<script>if (a) '<p>b</p>'</script>c<style>d</style><noscript>e</noscript>", "c"),
        ("<script><!-- <script>a</script> b --></script>c", "c"),
        ("<select><option>a</select>b<textarea>c</textarea>", "b"),
        ("<a title='x>y\" href=>a</a>'>b</a>c", "bc"),
        ("<a href=\"x>a</a> b", "a b"),
        ("<xmp><b>a</b></xmp>", "<b>a</b>"),
    ];
    for (html, text) in cases {
        assert_eq!(whole_text(html), text, "{html}");
    }
}

#[test]
fn a_title_loses_the_name_of_its_site() {
    let title = |head: &str| tree::parse(head).unwrap().metadata.article_title();
    assert_eq!(
        title("<title>How to mill wheat | The Mill</title>").as_deref(),
        Some("How to mill wheat")
    );
    assert_eq!(
        title("<title>Well-known &amp; loved</title>").as_deref(),
        Some("Well-known & loved")
    );
    let named = "<meta property=og:site_name content=Mill><title>Mill - Wheat</title>";
    assert_eq!(title(named).as_deref(), Some("Wheat"));
    assert_eq!(title("<p>a"), None);
}

#[test]
fn an_article_in_structured_data_is_told_from_others() {
    let other = "<p>Another story altogether, about a boat on a lake, and about its captain.</p>";
    let data = "The miller ground the wheat, slowly, while his children slept upstairs. ".repeat(6);
    let script = format!("<script>{{\"articleBody\": \"{data}\"}}</script>");
    let shingles = structured::Shingles::of_article_body(&script).unwrap();
    assert_eq!(shingles.share_of("the WHEAT, slowly, while"), Some(1.0));
    assert_eq!(shingles.share_of(other), Some(0.0));
    assert_eq!(shingles.share_of("two words"), None);
}

/// Pages made to be expensive. The work depends on the number of nodes and the length of the text,
/// and both stay proportional to the size of the page.
#[test]
fn hostile_pages_cost_no_more_than_others() {
    let count = 100_000;
    let pages = [
        "<div>".repeat(count),
        "<p><b>x".repeat(count),
        "<span><div></span>".repeat(count),
        "<table><tr><td>".repeat(count),
        "<svg><style>".repeat(count),
        "<textarea><noscript><title>".repeat(count),
        "<".repeat(1 << 20),
        "</".repeat(count),
        "<a ".repeat(count),
        "<a href=\"".repeat(count),
        "<a b='".repeat(count),
        format!("<div {}>x", "a=b ".repeat(1_000_000)),
        format!("<div class='{}'>x", "nav ".repeat(count)),
        format!("<div style='{}'>x", "a:b;".repeat(count)),
        "&".repeat(1 << 20),
        "<!--".repeat(count),
        "<script>\"articleBody\":\"".repeat(count),
        "<ul><li>x".repeat(count),
        "<a href=x>y".repeat(count),
        "<br>".repeat(count),
    ];
    for page in &pages {
        let tree = tree::parse(page).unwrap();
        assert!(tree.nodes.len() <= page.len() + 1, "{} nodes", tree.nodes.len());
        let mut depths = vec![0; tree.nodes.len()];
        for index in 1..tree.nodes.len() {
            depths[index] = depths[tree.nodes[index].parent as usize] + 1;
        }
        assert!(depths.iter().all(|depth| *depth <= tree::MAX_DEPTH));
        let blocks = blocks::read(page, &tree);
        assert!(blocks.text.len() <= page.len());
        if let Ok(found) = extract(page) {
            assert!(found.text.len() <= 5 * page.len());
        }
    }
}

#[test]
fn a_deep_page_is_read_on_a_small_stack() {
    let page = article(&"<div>".repeat(100_000));
    let run = move || assert!(extract(&page).is_ok());
    std::thread::Builder::new().stack_size(256 << 10).spawn(run).unwrap().join().unwrap();
}

/// Pages made of up to 60 tags, characters and ends of comments.
const PIECES: &str = "(<(/?)(div|b|a|table|td|tr|p|li|ul|pre|br|h2|option|svg|select|!--|title)\
    ( ?(id|class)=[\"']?nav)?/?>|[a-z é&;<>\"'\n世]|&amp|-->){0,60}";

proptest! {
    #[test]
    fn any_page_is_read_the_same_way_twice(html in PIECES) {
        prop_assert_eq!(extract(&html), extract(&html));
    }

    #[test]
    fn spaces_are_in_order(html in PIECES) {
        let html = html.replace("pre", "em");
        if let Ok(found) = extract(&html) {
            prop_assert!(!found.text.contains("\n\n\n"));
            prop_assert!(!found.text.contains("  "));
            prop_assert!(found.text.lines().all(|line| line == line.trim()));
            prop_assert_eq!(found.text.trim(), &found.text);
        }
    }

    #[test]
    fn no_script_is_read(before in PIECES, after in PIECES) {
        // Close whatever `before` left open (a comment, attribute, drawing or list of choices): it
        // would hide what follows, which is not what this test is about.
        let html = format!(
            "{before}-->'\">X</svg></select></title><script>qqzz = '<p>qqzz</p>'</script>\
             <style>qqzz</style>{after}"
        );
        if let Ok(found) = extract(&html) {
            prop_assert!(!found.text.contains("qqzz"));
        }
    }
}
