//! Multiple choice by likelihood: which of several continuations is most likely to the model?

use serde::{Deserialize, Serialize};

use crate::error::{ModelError, refuse};
use crate::llama::Llama;
use crate::parallel::Lanes;
use crate::rows::Rows;

/// One question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// The ids before each choice; at least one.
    pub context: Vec<u32>,
    /// The choices, each with its ids and its length in bytes.
    pub choices: Vec<(Vec<u32>, usize)>,
    /// Index of the right choice.
    pub answer: usize,
}

/// The likelihood of one choice after its context.
#[derive(Clone, Copy, Debug, PartialEq)]
struct ChoiceScore {
    /// ln p of all its ids together.
    log_likelihood: f64,
    /// Its number of ids.
    tokens: usize,
    /// Its length in bytes.
    bytes: usize,
}

/// The share of questions answered correctly, for three ways to choose.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ChoiceAccuracy {
    /// By the highest likelihood.
    pub accuracy: f64,
    /// By the highest likelihood per id.
    pub accuracy_per_token: f64,
    /// By the highest likelihood per byte (lm-evaluation-harness: `acc_norm`).
    pub accuracy_per_byte: f64,
    /// Number of questions.
    pub questions: usize,
}

/// The score of each choice of a question. A context that is too long loses its beginning.
///
/// # Errors
/// The question has no context, a choice is empty or longer than the model's context, or an id is
/// not in the vocabulary.
fn score_choices(model: &Llama, question: &Question) -> Result<Vec<ChoiceScore>, ModelError> {
    let room = model.config().context;
    let score = |(ids, bytes): &(Vec<u32>, usize)| {
        if question.context.is_empty() || ids.is_empty() || ids.len() > room {
            let value = format!("{} ids after {}", ids.len(), question.context.len());
            let way_out = format!("give a context, and choices of 1 to {room} ids (`context`)");
            return Err(refuse("choice", value, &way_out));
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

/// The accuracy over `questions`; of equally likely choices the first one counts. A context that is
/// too long loses its beginning. The result does not depend on the number of threads.
///
/// # Errors
/// A question has no context, a choice is empty or longer than the model's context, or an id is not
/// in the vocabulary.
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

/// Index of the choice with the largest key, and the first of several.
fn best(scores: &[ChoiceScore], key: fn(&ChoiceScore) -> f64) -> Option<usize> {
    // `max_by` returns the last of equal elements, hence the reversal.
    let ranked = scores.iter().enumerate().rev();
    ranked.max_by(|a, b| key(a.1).total_cmp(&key(b.1))).map(|(index, _)| index)
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;
    use crate::config::ModelConfig;
    use crate::generate::{GenerateConfig, generate};

    #[test]
    fn choices_are_scored_by_their_own_ids() {
        let config = ModelConfig { vocab_size: 61, dim: 32, context: 96, ..ModelConfig::default() };
        let model = Llama::init(&config, 8, &Device::Cpu).unwrap();
        // Larger weights than those of a fresh model, so that its choices are clear.
        for (_, variable) in model.parameters().iter().filter(|(_, tensor)| tensor.rank() == 2) {
            variable.set(&(variable.as_tensor() * 10.0).unwrap()).unwrap();
        }
        let greedy =
            GenerateConfig { max_tokens: 2, temperature: 0.0, ..GenerateConfig::default() };
        let context = vec![5, 6, 7];
        let likely = generate(&model, &context, &greedy, &mut |_| true).unwrap();
        let other = vec![(likely[0] + 1) % 61, 3];
        let question = Question {
            context: context.clone(),
            choices: vec![(other, 4), (likely.clone(), 4)],
            answer: 1,
        };
        let scores = score_choices(&model, &question).unwrap();
        let row = model.logits(&[5, 6, 7, likely[0]], 1).unwrap().to_vec2::<f32>().unwrap();
        let log_p = |row: &[f32], id: u32| {
            let sum: f64 = row.iter().map(|logit| f64::from(*logit).exp()).sum();
            f64::from(row[id as usize]) - sum.ln()
        };
        let expected = log_p(&row[2], likely[0]) + log_p(&row[3], likely[1]);
        assert!((scores[1].log_likelihood - expected).abs() < 1e-4);
        let long = Question { context: vec![1; 300], ..question.clone() };
        let lanes = Lanes::for_device(&Device::Cpu).unwrap();
        let accuracy = choice_accuracy(&model, &[question, long], &lanes).unwrap();
        assert_eq!(accuracy.questions, 2);
        assert!(accuracy.accuracy >= 0.5 && accuracy.accuracy_per_byte >= 0.5);
    }
}
