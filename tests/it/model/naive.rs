//! The tape in sixty lines: what this crate's tape means, without anything that makes it fast.
//!
//! A node is the list of its operands, each with its partial. A sweep starts with 1 at the output and goes down
//! node by node; what a node has got by then, it passes on to its operands. A scope remembers where it began, and
//! when it ends, the tape is cut there. A handle carries the number of its scope, its *epoch*, which tells whether
//! that scope is still open. `A` is what else one wants to know about a node.

/// A number that remembers its node; that of a constant has the index 0.
#[derive(Clone, Copy, Debug)]
pub struct Handle {
    pub value: f64,
    pub index: usize,
    pub epoch: usize,
}

impl Handle {
    pub fn constant(value: f64) -> Handle {
        let (index, epoch) = (0, 0);
        Handle { value, index, epoch }
    }

    pub fn is_constant(self) -> bool {
        self.index == 0
    }
}

/// The derivative of the output with respect to a node, and the sum of the absolute values of all that was added
/// up to it: a rounding error is small beside this, even if the derivative itself cancels.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Adjoint {
    pub value: f64,
    pub size: f64,
}

impl Adjoint {
    pub fn add(&mut self, value: f64, size: f64) {
        self.value += value;
        self.size += size;
    }
}

/// An operand of a node; `size` is the absolute value of the partial, or more if that is itself a sum, and zero
/// for an operand that gets nothing at all.
#[derive(Clone, Copy, Debug)]
pub struct Operand {
    pub of: Handle,
    pub partial: f64,
    pub size: f64,
}

pub struct Node<A> {
    pub value: f64,
    pub operands: Vec<Operand>,
    pub about: A,
}

/// What became of an epoch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Fate {
    Open,
    Ended,
    Cleared,
    /// It is of another thread.
    Foreign,
}

pub struct Tape<A> {
    /// The node at index 0 stands for all constants.
    pub nodes: Vec<Node<A>>,
    pub adjoints: Vec<Adjoint>,
    /// Of each open scope the epoch and the index of its first node; the thread's own graph first.
    pub scopes: Vec<(usize, usize)>,
    /// What became of each epoch.
    pub fates: Vec<Fate>,
    pub is_recording: bool,
}

impl<A> Tape<A> {
    pub fn new(about_constants: A) -> Tape<A> {
        let constants = Node { value: 0.0, operands: Vec::new(), about: about_constants };
        Tape {
            nodes: vec![constants],
            adjoints: vec![Adjoint::default()],
            scopes: vec![(0, 1)],
            fates: vec![Fate::Open],
            is_recording: true,
        }
    }

    /// Appends a node, recording or not.
    pub fn push(&mut self, value: f64, operands: Vec<Operand>, about: A) -> Handle {
        let (index, epoch) = (self.nodes.len(), self.scopes[self.scopes.len() - 1].0);
        self.nodes.push(Node { value, operands, about });
        self.adjoints.push(Adjoint::default());
        Handle { value, index, epoch }
    }

    /// The handle of a node that is there.
    pub fn handle(&self, index: usize) -> Handle {
        let inside = self.scopes.iter().rfind(|scope| scope.1 <= index);
        Handle {
            value: self.nodes[index].value,
            index,
            epoch: inside.expect("the thread's own graph is never closed").0,
        }
    }

    /// An error for a stale handle: how its epoch ended.
    pub fn verify(&self, x: Handle) -> Result<(), Fate> {
        match self.fates[x.epoch] {
            Fate::Open => Ok(()),
            _ if x.is_constant() => Ok(()),
            fate => Err(fate),
        }
    }

    /// Records an operation: a constant where no operand has a node, or nothing is to be recorded.
    pub fn record(&mut self, value: f64, operands: Vec<Operand>, about: A) -> Result<Handle, Fate> {
        for operand in &operands {
            self.verify(operand.of)?;
        }
        if !self.is_recording || operands.iter().all(|operand| operand.of.is_constant()) {
            return Ok(Handle::constant(value));
        }
        Ok(self.push(value, operands, about))
    }

    pub fn open(&mut self) {
        self.scopes.push((self.fates.len(), self.nodes.len()));
        self.fates.push(Fate::Open);
    }

    pub fn close(&mut self) {
        let (epoch, start) = self.scopes.pop().expect("a scope is open");
        self.fates[epoch] = Fate::Ended;
        self.cut(start);
    }

    /// Drops all nodes; the scopes that are open stay open, with new epochs.
    pub fn clear(&mut self) {
        for scope in &mut self.scopes {
            self.fates[scope.0] = Fate::Cleared;
            *scope = (self.fates.len(), 1);
            self.fates.push(Fate::Open);
        }
        self.cut(1);
    }

    fn cut(&mut self, end: usize) {
        self.nodes.truncate(end);
        self.adjoints.truncate(end);
    }

    /// The adjoints of the ancestors of a node; those below `floor` pass nothing on. Nor does one of exactly zero.
    pub fn sweep(&self, output: usize, floor: usize) -> Vec<Adjoint> {
        let mut adjoints = vec![Adjoint::default(); output + 1];
        adjoints[output].add(1.0, 1.0);
        for index in (floor..=output).rev() {
            let Adjoint { value, size } = adjoints[index];
            if size == 0.0 {
                continue;
            }
            for operand in &self.nodes[index].operands {
                if operand.size == 0.0 {
                    continue;
                }
                let product = if value == 0.0 { 0.0 } else { value * operand.partial };
                // No size vanishes: it tells what an adjoint was added to, too. None is known where an infinite
                // partial meets an adjoint that may be zero, or a rounding error.
                let cancels = value.abs() <= 1e-8 * size && size > 1e-290;
                let size = match size.is_nan() || cancels && !operand.partial.is_finite() {
                    true => f64::NAN,
                    false => (size * operand.size).max(f64::MIN_POSITIVE),
                };
                adjoints[operand.of.index].add(product, size);
            }
        }
        adjoints[0] = Adjoint::default();
        adjoints
    }

    pub fn backward(&mut self, output: Handle) -> Result<(), Fate> {
        self.verify(output)?;
        self.adjoints = self.sweep(output.index, 1);
        self.adjoints.resize(self.nodes.len(), Adjoint::default());
        Ok(())
    }
}
