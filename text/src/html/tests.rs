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
