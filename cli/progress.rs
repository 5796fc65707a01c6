//! Progress of a run: a bar on a terminal, plain lines elsewhere, nothing with --quiet.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use store::{Event, Observer};

use crate::output::{human_bytes, human_count};
use crate::printer::Printer;
use crate::signals::Stop;

/// How often a running step prints its progress when stderr is not a terminal.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// Shows a run's events.
pub(crate) struct Progress {
    printer: Printer,
    stop: Stop,
    state: Mutex<State>,
}

struct State {
    bar: Option<ProgressBar>,
    step: String,
    unit: &'static str,
    total: u64,
    done: u64,
    last_line: Instant,
    detail: String,
}

impl Progress {
    pub(crate) fn new(printer: Printer) -> Self {
        let state = State {
            bar: None,
            step: String::new(),
            unit: "",
            total: 0,
            done: 0,
            last_line: Instant::now(),
            detail: String::new(),
        };
        Self { printer, stop: Stop::listen(), state: Mutex::new(state) }
    }

    fn begin(&self, state: &mut State, step: &str, unit: &'static str, total: u64, done: u64) {
        *state = State {
            bar: self.printer.draws().then(|| bar(step, unit, total, done)),
            step: step.to_owned(),
            unit,
            total,
            done,
            last_line: Instant::now(),
            detail: String::new(),
        };
        if done > 0 && done < total {
            let (done, total) = (amount(done, unit), amount(total, unit));
            self.printer.say(format!("  {step}: resuming, {done} of {total} already done"));
        }
    }

    fn advance(&self, state: &mut State, units: u64) {
        state.done += units;
        if let Some(bar) = &state.bar {
            bar.set_position(state.done);
        } else if !self.printer.draws() && state.last_line.elapsed() > LINE_EVERY {
            state.last_line = Instant::now();
            let extent = if state.total > 0 {
                let (done, total) =
                    (amount(state.done, state.unit), amount(state.total, state.unit));
                format!(": {done} of {total}")
            } else {
                String::new()
            };
            self.printer.say(format!("  {}{extent} {}", state.step, state.detail).trim_end());
        }
    }

    fn detail(state: &mut State, detail: String) {
        if let Some(bar) = &state.bar {
            bar.set_message(detail.clone());
        }
        state.detail = detail;
    }

    /// Prints a line above the bar.
    fn line(&self, state: &State, line: &str) {
        match &state.bar {
            Some(bar) => bar.suspend(|| self.printer.say(line)),
            None => self.printer.say(line),
        }
    }
}

fn amount(units: u64, unit: &str) -> String {
    if unit == "bytes" { human_bytes(units) } else { format!("{} {unit}", human_count(units)) }
}

fn bar(step: &str, unit: &str, total: u64, done: u64) -> ProgressBar {
    let bar = if total == 0 { ProgressBar::new_spinner() } else { ProgressBar::new(total) };
    let template = match (total, unit) {
        (0, _) => "  {prefix:<28} {spinner} {elapsed}",
        (_, "bytes") => "  {prefix:<28} {bar:24} {bytes}/{total_bytes} {bytes_per_sec} eta {eta}",
        _ => "  {prefix:<28} {bar:24} {human_pos}/{human_len} eta {eta} {msg}",
    };
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    let mut prefix: String = step.chars().take(27).collect();
    if step.chars().count() > 27 {
        prefix.push('…');
    }
    bar.set_prefix(prefix);
    bar.set_position(done);
    bar.reset_eta();
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

impl Observer for Progress {
    fn event(&self, event: &Event) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            Event::Begin { step, unit, total, done } => {
                self.begin(&mut state, step, unit, *total, *done);
            }
            Event::Advance { units } => self.advance(&mut state, *units),
            Event::Trained { loss, tokens_per_second, .. } => {
                let speed = human_count(*tokens_per_second as u64);
                Self::detail(&mut state, format!("loss {loss:.3}, {speed} tokens/s"));
            }
            Event::Spiked { step, measure, z_score, .. } => {
                let line = format!(
                    "  step {step}: {measure} is {z_score:.1} standard deviations above its mean"
                );
                self.line(&state, &line);
            }
            Event::Validated { step, loss, bits_per_byte } => {
                let line = format!(
                    "    step {step:>6}: validation loss {loss:.3} nats/token, \
                     {bits_per_byte:.3} bits/byte"
                );
                self.line(&state, &line);
            }
            Event::End { step, outcome, seconds } => {
                if let Some(bar) = state.bar.take() {
                    bar.finish_and_clear();
                }
                self.printer.say(format!("  {step}: {outcome} ({seconds:.1} s)"));
            }
        }
    }

    fn should_stop(&self) -> bool {
        self.stop.asked()
    }
}
