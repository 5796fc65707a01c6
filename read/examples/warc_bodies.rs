//! Reads the records of WARC files without extracting text, for `benches/warc.py`.
//!
//! Reads file names from standard input, one per line. For each it prints the seconds taken, the
//! number of records and the bytes of their bodies.

use std::error::Error;
use std::fs::File;
use std::io::{self, BufRead as _, Write as _};
use std::time::Instant;

use read::{Input, measure_bodies};

fn main() -> Result<(), Box<dyn Error>> {
    let mut output = io::stdout().lock();
    for name in io::stdin().lock().lines() {
        let name = name?;
        let input = Input::from_name(&name).ok_or("not the name of an input file")?;
        let start = Instant::now();
        let found = measure_bodies(&input, Box::new(File::open(&name)?))?;
        let seconds = start.elapsed().as_secs_f64();
        writeln!(output, "{seconds} {} {}", found.records, found.bytes)?;
        output.flush()?;
    }
    Ok(())
}
