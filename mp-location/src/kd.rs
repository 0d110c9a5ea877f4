//! The static k-d tree under [`NearbyIndex`](crate::NearbyIndex).

use std::{fmt, num::NonZeroUsize};

use kiddo::{ImmutableKdTree, SquaredEuclidean};

use crate::sphere::UnitVector;

/// A k-d tree over unit vectors, each known by its position in the list it was built from.
pub(crate) struct KdTree {
    tree: Option<ImmutableKdTree<f64, 3>>,
    len: usize,
}

/// A vector of the tree and its squared chord from where the search started.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hit {
    pub(crate) position: usize,
    pub(crate) chord_squared: f64,
}

impl KdTree {
    pub(crate) const EMPTY: Self = Self { tree: None, len: 0 };

    /// Builds the tree over the longest prefix of `vectors` that it can number: all of them, up to
    /// 2³² − 1. Its [`len`](Self::len) tells what it covers.
    pub(crate) fn build(vectors: &[UnitVector]) -> Self {
        let len = vectors.len().min(u32::MAX as usize);
        let axes: Vec<[f64; 3]> = vectors[..len].iter().map(|vector| vector.0).collect();
        match ImmutableKdTree::new_from_slice(&axes) {
            Ok(tree) if len > 0 => Self {
                tree: Some(tree),
                len,
            },
            _ => Self::EMPTY,
        }
    }

    /// Returns how many vectors the tree covers: those at positions below this.
    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    /// Returns the `count` vectors nearest to `from` within `reach`, nearest first; ties in no
    /// particular order.
    pub(crate) fn nearest(&self, from: UnitVector, count: NonZeroUsize, reach: f64) -> Vec<Hit> {
        let Some(tree) = &self.tree else {
            return Vec::new();
        };
        let near = tree
            .query(&from.0)
            .nearest_n::<SquaredEuclidean<f64>>(count)
            .within(reach)
            .execute();
        near.into_iter()
            .map(|item| Hit {
                position: item.item as usize,
                chord_squared: item.distance,
            })
            .collect()
    }

    /// Returns every vector within `reach` of `from`, in no particular order.
    pub(crate) fn within(&self, from: UnitVector, reach: f64) -> Vec<Hit> {
        let Some(tree) = &self.tree else {
            return Vec::new();
        };
        let near = tree
            .query(&from.0)
            .within::<SquaredEuclidean<f64>>(reach)
            .unsorted()
            .execute();
        near.into_iter()
            .map(|item| Hit {
                position: item.item as usize,
                chord_squared: item.distance,
            })
            .collect()
    }
}

impl fmt::Debug for KdTree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KdTree").field("len", &self.len).finish()
    }
}
