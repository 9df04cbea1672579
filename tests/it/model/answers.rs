//! What the model answers to questions about a variable, and about the graph.

use super::naive::Handle;
use super::program::Question;
use super::side::Side;
use super::state::{Knowledge, Model};
use super::story::{Fact, Told};
use scalargrad::Op;

impl Model {
    /// Tells the answer to a question.
    pub fn answer(&mut self, question: Question, x: Handle) -> Told<()> {
        if question == Question::Report {
            self.tell(Fact::Holds(true)); // it is asked of the graph
            return Ok(());
        }
        self.tape.verify(x)?;
        let node = &self.tape.nodes[x.index];
        let is_known = node.about.knowledge == Knowledge::Everything;
        let fact = match question {
            Question::Grad => self.grad(x)?,
            Question::Text | Question::Svg | Question::Dot => Fact::Holds(true),
            Question::Report => unreachable!("it was asked above"),
            _ if !is_known => Fact::Anything,
            Question::Name => Fact::Words(format!("{:?}", node.about.name)),
            Question::Op => Fact::Words(node.about.op.label().to_string()),
            Question::Operands if node.about.op == Op::Checkpoint => Fact::Anything,
            Question::Operands => {
                let operands: Vec<Handle> = node.operands.iter().map(|o| o.of).take(8).collect();
                let mut facts = vec![Fact::Count(node.operands.len())];
                for x in operands {
                    facts.push(Fact::Value(x.value));
                    facts.push(self.grad(x)?);
                }
                Fact::Several(facts)
            }
        };
        self.tell(fact);
        Ok(())
    }
}
