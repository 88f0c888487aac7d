//! DEFLATE (RFC 1951), for [`content_coding`](super::content_coding).

use zeroize::Zeroizing;

/// Why a body cannot be decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DecodeError {
    /// It decodes to more bytes than allowed.
    TooLarge,
    /// It is cut, its checksum is wrong, or it breaks the format.
    Damaged,
    /// The coding is not known here.
    Unknown,
}

/// The inflated bytes, in a buffer that never grows: a buffer that grows leaves copies behind.
pub(crate) struct Output {
    pub(crate) bytes: Zeroizing<Vec<u8>>,
    limit: usize,
}

impl Output {
    pub(crate) fn new(limit: usize) -> Self {
        Self { bytes: Zeroizing::new(Vec::with_capacity(limit)), limit }
    }

    fn push(&mut self, byte: u8) -> Result<(), DecodeError> {
        if self.bytes.len() == self.limit {
            return Err(DecodeError::TooLarge);
        }
        self.bytes.push(byte);
        Ok(())
    }
}

/// RFC 1951 §3.1.1: "Data elements are packed into bytes in order of increasing bit number within the byte".
pub(crate) struct Bits<'a> {
    bytes: &'a [u8],
    /// The next bit.
    at: usize,
}

impl<'a> Bits<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    fn bit(&mut self) -> Result<u16, DecodeError> {
        let byte = self.bytes.get(self.at / 8).ok_or(DecodeError::Damaged)?;
        let bit = byte >> (self.at % 8) & 1;
        self.at += 1;
        Ok(bit.into())
    }

    /// Reads a number, the least significant bit first.
    fn number(&mut self, bits: u8) -> Result<u16, DecodeError> {
        (0..bits).try_fold(0, |number, place| Ok(number | self.bit()? << place))
    }

    /// Returns the bytes from the next whole one on.
    pub(crate) fn bytes_after(&mut self) -> &'a [u8] {
        self.at = self.at.next_multiple_of(8);
        self.bytes.get(self.at / 8..).unwrap_or_default()
    }
}

/// One Huffman code (RFC 1951 §3.2.2): how many symbols have a code of each length, and the symbols in the order of their codes.
struct Code {
    counts: [u16; 16],
    symbols: Vec<u16>,
}

impl Code {
    fn new(lengths: &[u8]) -> Result<Self, DecodeError> {
        let mut counts = [0_u16; 16];
        lengths.iter().for_each(|length| counts[usize::from(*length)] += 1);
        counts[0] = 0;
        // More codes of a length than there is room for.
        let room = counts[1..].iter().try_fold(1_i32, |room, count| {
            let left = 2 * room - i32::from(*count);
            (left >= 0).then_some(left)
        });
        room.ok_or(DecodeError::Damaged)?;
        let mut symbols: Vec<u16> = (0_u16..).take(lengths.len()).filter(|at| lengths[usize::from(*at)] > 0).collect();
        // A stable sort: "All codes of a given bit length have lexicographically consecutive values, in the same order as the symbols they
        // represent".
        symbols.sort_by_key(|at| lengths[usize::from(*at)]);
        Ok(Self { counts, symbols })
    }

    /// Codes come with the most significant bit first: the first code of each length follows from the counts of the shorter ones.
    fn symbol(&self, input: &mut Bits<'_>) -> Result<u16, DecodeError> {
        let (mut code, mut first, mut index) = (0_i32, 0_i32, 0_i32);
        for count in self.counts[1..].iter().map(|count| i32::from(*count)) {
            code |= i32::from(input.bit()?);
            if code - first < count {
                let at = usize::try_from(index + code - first).map_err(|_| DecodeError::Damaged)?;
                return self.symbols.get(at).copied().ok_or(DecodeError::Damaged);
            }
            index += count;
            first = (first + count) << 1;
            code <<= 1;
        }
        Err(DecodeError::Damaged)
    }
}

/// Inflates one stream of blocks (RFC 1951 §3.2.3).
pub(crate) fn inflate(input: &mut Bits<'_>, out: &mut Output) -> Result<(), DecodeError> {
    let start = out.bytes.len();
    // RFC 1951 §3.2.6. Made once: a stream may consist of nothing but empty blocks.
    let lengths = [(144, 8), (112, 9), (24, 7), (8, 8)].map(|(count, bits)| vec![bits; count]).concat();
    let fixed = (Code::new(&lengths)?, Code::new(&[5; 30])?);
    loop {
        let is_last = input.bit()? == 1;
        match input.number(2)? {
            0 => stored(input, out)?,
            1 => block(input, out, start, &fixed.0, &fixed.1)?,
            2 => {
                let (literals, distances) = codes(input)?;
                block(input, out, start, &literals, &distances)?;
            }
            _ => return Err(DecodeError::Damaged),
        }
        if is_last {
            return Ok(());
        }
    }
}

/// RFC 1951 §3.2.4.
fn stored(input: &mut Bits<'_>, out: &mut Output) -> Result<(), DecodeError> {
    let rest = input.bytes_after();
    let [low, high, not_low, not_high] = *array::<4>(rest, 0)?;
    if [!low, !high] != [not_low, not_high] {
        return Err(DecodeError::Damaged);
    }
    let length = usize::from(u16::from_le_bytes([low, high]));
    rest.get(4..4 + length).ok_or(DecodeError::Damaged)?.iter().try_for_each(|byte| out.push(*byte))?;
    input.at += 8 * (4 + length);
    Ok(())
}

/// The codes of a block that brings its own (RFC 1951 §3.2.7).
fn codes(input: &mut Bits<'_>) -> Result<(Code, Code), DecodeError> {
    const ORDER: [usize; 19] = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];
    let literals = usize::from(input.number(5)?) + 257;
    let distances = usize::from(input.number(5)?) + 1;
    let of_lengths = usize::from(input.number(4)?) + 4;
    let mut lengths = [0_u8; 19];
    for place in &ORDER[..of_lengths] {
        lengths[*place] = input.number(3)? as u8;
    }
    let code = Code::new(&lengths)?;
    let mut lengths: Vec<u8> = Vec::with_capacity(320);
    while lengths.len() < literals + distances {
        let (length, times) = match code.symbol(input)? {
            16 => (*lengths.last().ok_or(DecodeError::Damaged)?, input.number(2)? + 3),
            17 => (0, input.number(3)? + 3),
            18 => (0, input.number(7)? + 11),
            length => (length as u8, 1),
        };
        lengths.extend(std::iter::repeat_n(length, times.into()));
    }
    // More lengths than codes; or no code for the end of the block.
    if lengths.len() != literals + distances || lengths[256] == 0 {
        return Err(DecodeError::Damaged);
    }
    let (literals, distances) = lengths.split_at(literals);
    Ok((Code::new(literals)?, Code::new(distances)?))
}

/// RFC 1951 §3.2.5: the shortest length of a symbol from 257 on, and how many extra bits are added to it.
fn length(symbol: u16) -> Result<(u16, u8), DecodeError> {
    match symbol - 257 {
        at @ 0..8 => Ok((at + 3, 0)),
        at @ 8..28 => Ok((((4 + at % 4) << (at / 4 - 1)) + 3, (at / 4 - 1) as u8)),
        28 => Ok((258, 0)),
        _ => Err(DecodeError::Damaged),
    }
}

/// The same of a distance.
fn distance(symbol: u16) -> Result<(u16, u8), DecodeError> {
    match symbol {
        0..4 => Ok((symbol + 1, 0)),
        4..30 => Ok((((2 + symbol % 2) << (symbol / 2 - 1)) + 1, (symbol / 2 - 1) as u8)),
        _ => Err(DecodeError::Damaged),
    }
}

/// Literals and copies, up to the end of the block. A copy reaches back to `start`, where this stream began, and no further.
fn block(
    input: &mut Bits<'_>,
    out: &mut Output,
    start: usize,
    literals: &Code,
    distances: &Code,
) -> Result<(), DecodeError> {
    let sum = |input: &mut Bits<'_>, (base, extra): (u16, u8)| Ok(usize::from(base + input.number(extra)?));
    loop {
        match literals.symbol(input)? {
            256 => return Ok(()),
            literal @ 0..256 => out.push(literal as u8)?,
            symbol => {
                let length = sum(input, length(symbol)?)?;
                let symbol = distances.symbol(input)?;
                let distance = sum(input, distance(symbol)?)?;
                let from =
                    out.bytes.len().checked_sub(distance).filter(|from| *from >= start).ok_or(DecodeError::Damaged)?;
                // Byte by byte: a copy may reach into itself.
                for at in from..from + length {
                    let byte = out.bytes[at];
                    out.push(byte)?;
                }
            }
        }
    }
}

pub(crate) fn array<const N: usize>(bytes: &[u8], at: usize) -> Result<&[u8; N], DecodeError> {
    bytes.get(at..).and_then(|rest| rest.first_chunk()).ok_or(DecodeError::Damaged)
}

#[cfg(test)]
mod tests {
    use miniz_oxide::deflate::compress_to_vec;
    use proptest::prelude::*;

    use super::*;

    const LIMIT: usize = 1 << 20;

    fn inflated(bytes: &[u8]) -> Result<Vec<u8>, DecodeError> {
        let (mut input, mut out) = (Bits::new(bytes), Output::new(LIMIT));
        inflate(&mut input, &mut out).map(|()| out.bytes.to_vec())
    }

    #[test]
    fn the_limit_counts_what_comes_out() {
        assert_eq!(inflated(&compress_to_vec(&vec![0; LIMIT], 9)).map(|body| body.len()), Ok(LIMIT));
        assert_eq!(inflated(&compress_to_vec(&vec![0; 64 * LIMIT], 9)), Err(DecodeError::TooLarge));
    }

    proptest! {
        #[test]
        fn everything_comes_back(words in prop::collection::vec("[ -~]{0,9}", 0..400), noise: Vec<u8>, level in 0_u8..=10) {
            let mut body = words.iter().cycle().take(2 * words.len()).flat_map(|word| word.bytes()).collect::<Vec<_>>();
            body.extend(noise);
            prop_assert_eq!(inflated(&compress_to_vec(&body, level)), Ok(body));
        }

        #[test]
        fn no_bytes_do_harm(bytes: Vec<u8>) {
            prop_assert!(inflated(&bytes).map_or(true, |body| body.len() <= LIMIT));
        }
    }
}
