//! Subjects and answers.
