/// How many cases were tried, and what the host did that it should not.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    operation: String,
    cases: usize,
    found: Vec<String>,
}

impl Findings {
    /// Files what comes under this operation.
    pub(crate) fn about(&mut self, operation: &str) {
        operation.clone_into(&mut self.operation);
    }

    /// Counts a case, and keeps what was wrong with it.
    pub(crate) fn case(&mut self, what: &str, problem: Option<String>) {
        self.cases += 1;
        let operation = &self.operation;
        self.found
            .extend(problem.map(|problem| format!("{operation}: {what} {problem}")));
    }

    pub(crate) const fn cases(&self) -> usize {
        self.cases
    }

    pub(crate) fn all(&self) -> &[String] {
        &self.found
    }
}
