//! Writes a tokenizer in other formats:
//! `cargo run --release -p gristmill-encoder --example convert -- TOKENIZER OUTPUT...`
//!
//! The name of each output tells its format, as in `tokenizer.json`, `my.v2.json`, `gpt2.tiktoken`
//! and `my.gguf`.

use std::error::Error;
use std::path::Path;

use encoder::AnyTokenizer;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let tokenizer = arguments.next().ok_or("usage: convert TOKENIZER OUTPUT...")?;
    let tokenizer = AnyTokenizer::load(tokenizer.as_ref())?;
    for output in arguments {
        let output = Path::new(&output);
        for (name, bytes) in tokenizer.files(output)? {
            #[expect(clippy::disallowed_methods, reason = "an example has no `store`")]
            std::fs::write(output.with_file_name(name), bytes)?;
        }
    }
    Ok(())
}
