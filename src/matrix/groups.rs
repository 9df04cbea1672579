//! Which columns of a Jacobian can be computed together.
//!
//! Two columns that no row has both of can share a tangent: each output depends on one of the inputs at most that move, and so
//! its tangent is the derivative by that one (Curtis, Powell and Reid, 1974). Columns are put into as few groups as a greedy
//! colouring finds.

/// Columns by the group that they are in.
#[derive(Clone, Debug)]
pub(crate) struct Groups {
    /// The group of each column.
    group: Vec<usize>,
    /// How many there are.
    count: usize,
    /// A bit for each column in each row, where it may differ from zero; in words of 64, row after row. Empty if each column
    /// is a group of its own.
    pattern: Vec<u64>,
}

/// The places of the bits that are set.
fn bits(words: &[u64]) -> impl Iterator<Item = usize> {
    words.iter().enumerate().flat_map(|(k, &word)| {
        let next = |rest: &u64| Some(rest & (rest - 1)).filter(|&rest| rest != 0);
        let rests = std::iter::successors(Some(word).filter(|&word| word != 0), next);
        rests.map(move |rest| 64 * k + rest.trailing_zeros() as usize)
    })
}

impl Groups {
    /// The groups of `cols` columns, in at most `most` packs of `tangents` groups; `None` if more are needed.
    ///
    /// `dependence` says on which of the 64 columns from `64 * k` on each row depends.
    pub(crate) fn of(
        cols: usize,
        tangents: usize,
        most: usize,
        dependence: impl Fn(usize) -> Vec<u64>,
    ) -> Option<Groups> {
        let alone = Groups { group: (0..cols).collect(), count: cols, pattern: Vec::new() };
        let words = cols.div_ceil(64);
        if cols <= tangents || words > most {
            return Some(alone).filter(|_| cols <= tangents * most);
        }
        let mut pattern = Vec::new();
        for k in 0..words {
            let rows = dependence(k);
            pattern.resize(rows.len() * words, 0);
            for (row, bits) in pattern.chunks_exact_mut(words).zip(rows) {
                row[k] = bits;
            }
        }
        let mut conflicts = vec![0; cols * words];
        let mut before: &[u64] = &[];
        let mut densest = 0;
        for row in pattern.chunks_exact(words).filter(|&row| {
            let is_new = row != before;
            before = row;
            is_new
        }) {
            densest = densest.max(bits(row).count());
            if densest.div_ceil(tangents) == cols.div_ceil(tangents) {
                return Some(alone).filter(|_| cols <= tangents * most);
            }
            for j in bits(row) {
                let conflicts = &mut conflicts[j * words..][..words];
                conflicts.iter_mut().zip(row).for_each(|(all, row)| *all |= row);
            }
        }
        let (mut group, mut count) = (vec![0; cols], 0);
        // The last column that cannot be in a group, plus 1.
        let mut taken_for = vec![0; cols];
        for j in 0..cols {
            for k in bits(&conflicts[j * words..][..words]).take_while(|&k| k < j) {
                taken_for[group[k]] = j + 1;
            }
            let free = taken_for.iter().position(|&taken| taken != j + 1);
            group[j] = free.expect("a group for each column");
            count = count.max(group[j] + 1);
        }
        let groups = Groups { group, count, pattern };
        Some(groups).filter(|_| count <= tangents * most)
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// Whether column `j` is in a group.
    #[inline(always)]
    pub(crate) fn has(&self, group: usize, j: usize) -> bool {
        self.group[j] == group
    }

    /// Writes what the groups from `first` on have of row `i`: the tangents of its output.
    #[inline]
    pub(crate) fn write(&self, i: usize, first: usize, tangents: &[f64], row: &mut [f64]) {
        if self.pattern.is_empty() {
            let row = &mut row[first..];
            let len = row.len().min(tangents.len());
            row[..len].copy_from_slice(&tangents[..len]);
            return;
        }
        let words = row.len().div_ceil(64);
        bits(&self.pattern[i * words..][..words]).for_each(|j| {
            if let Some(&tangent) = tangents.get(self.group[j].wrapping_sub(first)) {
                row[j] = tangent;
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::Groups;

    /// The number of groups of `n` columns where row `i` has the columns of `pattern(i)`.
    fn count<const K: usize>(n: usize, most: usize, pattern: impl Fn(usize) -> [usize; K]) -> Option<usize> {
        let dependence = |word: usize| {
            let bit = |j: usize| if j / 64 == word { 1 << (j % 64) } else { 0 };
            (0..n).map(|i| pattern(i).iter().fold(0, |all, &j| all | bit(j % n))).collect()
        };
        Groups::of(n, 8, most, dependence).map(|groups| groups.count())
    }

    #[test]
    fn columns_that_no_row_has_both_of_are_in_one_group() {
        assert_eq!(count(300, 5, |i| [i]), Some(1));
        assert_eq!(count(300, 5, |i| [i, i + 1, i + 2]), Some(3));
        assert_eq!(count(300, 5, |i| [i % 3, 3 + i % 297]), Some(2));
    }

    #[test]
    fn where_it_does_not_pay_each_column_is_a_group_of_its_own() {
        assert_eq!(count(5, 1, |i| [i]), Some(5));
        assert_eq!(count(5, 0, |i| [i]), None);
        assert_eq!(count(10, 2, |_| [0, 1, 2, 3, 4, 5, 6, 7, 8]), Some(10));
        assert_eq!(count(10, 1, |_| [0, 1, 2, 3, 4, 5, 6, 7, 8]), None);
    }
}
