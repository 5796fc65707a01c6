//! Datasets of tokens in the forms that other trainers read.
