//! Laws of segments: nothing runs twice, nothing is lost.

mod segment;
