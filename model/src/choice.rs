//! Multiple choice by likelihood: which of several continuations does the model find most likely?

use serde::{Deserialize, Serialize};

use crate::parallel::Lanes;
use crate::rows::Rows;
use crate::{Llama, ModelError};

/// One question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// What stands before the choices; at least one id.
    pub context: Vec<u32>,
    /// The choices, each with its ids and its length in bytes.
    pub choices: Vec<(Vec<u32>, usize)>,
    /// Index of the right choice.
    pub answer: usize,
}

/// The likelihood of one choice after its context.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ChoiceScore {
    /// ln p of all its ids together.
    pub log_likelihood: f64,
    /// Its number of ids.
    pub tokens: usize,
    /// Its length in bytes.
    pub bytes: usize,
}

/// Shares of questions answered rightly, by three ways to choose.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ChoiceAccuracy {
    /// By the highest likelihood.
    pub accuracy: f64,
    /// By the highest likelihood per id.
    pub accuracy_per_token: f64,
    /// By the highest likelihood per byte (lm-evaluation-harness: `acc_norm`).
    pub accuracy_per_byte: f64,
    /// Questions.
    pub questions: usize,
}

/// The scores of a question's choices. A context that is too long loses its beginning.
///
/// # Errors
/// No context, a choice of no ids or longer than the model's context, an id outside the vocabulary.
pub fn score_choices(model: &Llama, question: &Question) -> Result<Vec<ChoiceScore>, ModelError> {
    let room = model.config().context;
    let score = |(ids, bytes): &(Vec<u32>, usize)| {
        if question.context.is_empty() || ids.is_empty() || ids.len() > room {
            let value = format!("{} ids after {}", ids.len(), question.context.len());
            let way_out = format!("give a context, and choices of 1 to {room} ids (`context`)");
            return Err(crate::error::refuse("choice", value, &way_out));
        }
        let kept = question.context.len().min(room + 1 - ids.len());
        let mut row = question.context[question.context.len() - kept..].to_vec();
        row.extend_from_slice(ids);
        let mut rows = Rows::default();
        rows.push(&row, &[]);
        let losses = model.token_losses(&rows)?;
        let nats: f64 = losses[kept - 1..].iter().map(|&loss| f64::from(loss)).sum();
        Ok(ChoiceScore { log_likelihood: -nats, tokens: ids.len(), bytes: *bytes })
    };
    question.choices.iter().map(score).collect()
}

/// The accuracy over `questions`; ties go to the first choice. The result does not depend on threads.
///
/// # Errors
/// As [`score_choices`].
pub fn choice_accuracy(
    model: &Llama,
    questions: &[Question],
    lanes: &Lanes,
) -> Result<ChoiceAccuracy, ModelError> {
    let mut right = [0_usize; 3];
    for (question, scores) in
        questions.iter().zip(lanes.map(questions, |question| score_choices(model, question)))
    {
        let scores = scores?;
        let by: [fn(&ChoiceScore) -> f64; 3] = [
            |score| score.log_likelihood,
            |score| score.log_likelihood / score.tokens as f64,
            |score| score.log_likelihood / score.bytes.max(1) as f64,
        ];
        for (right, key) in right.iter_mut().zip(by) {
            *right += usize::from(best(&scores, key) == Some(question.answer));
        }
    }
    let share = |right: usize| right as f64 / questions.len().max(1) as f64;
    Ok(ChoiceAccuracy {
        accuracy: share(right[0]),
        accuracy_per_token: share(right[1]),
        accuracy_per_byte: share(right[2]),
        questions: questions.len(),
    })
}

fn best(scores: &[ChoiceScore], key: fn(&ChoiceScore) -> f64) -> Option<usize> {
    let ranked = scores.iter().enumerate().rev();
    ranked.max_by(|a, b| key(a.1).total_cmp(&key(b.1))).map(|(index, _)| index)
}
