//! How much room `append` makes.
//!
//! Programs can see capacities, and many texts about Go print them, so they are those of Go's
//! allocator. The heap's own cells may be a little larger.

/// Sizes of Go's allocation classes up to 32 KiB.
const CLASSES: [u16; 66] = [
    8, 16, 24, 32, 48, 64, 80, 96, 112, 128, 144, 160, 176, 192, 208, 224, 240, 256, 288, 320, 352,
    384, 416, 448, 480, 512, 576, 640, 704, 768, 896, 1024, 1152, 1280, 1408, 1536, 1792, 2048,
    2304, 2688, 3072, 3200, 3456, 4096, 4864, 5376, 6144, 6528, 6784, 6912, 8192, 9472, 9728,
    10240, 10880, 12288, 13568, 14336, 16384, 18432, 19072, 20480, 21760, 24576, 27264, 28672,
];
/// The largest class.
const LARGEST: usize = 32768;
/// Objects with pointers that are larger than this have a header word.
const BARE: usize = 512;
const HEADER: usize = 8;
/// Larger objects are whole pages.
const PAGE: usize = 8192;

/// How many bytes an allocation of `bytes` would have room for.
pub fn room(bytes: usize, pointers: bool) -> usize {
    if bytes > LARGEST - HEADER {
        return bytes.next_multiple_of(PAGE);
    }
    let header = if pointers && bytes > BARE { HEADER } else { 0 };
    let total = bytes + header;
    let i = CLASSES.partition_point(|&c| (c as usize) < total);
    CLASSES.get(i).map_or(LARGEST, |&c| c as usize) - header
}

/// The capacity that follows `old` when `need` elements must fit, before rounding.
pub fn grown(old: u64, need: u64) -> u64 {
    if need > old * 2 {
        return need;
    }
    if old < 256 {
        return old * 2;
    }
    let mut cap = old;
    while cap < need {
        cap += (cap + 768) / 4;
    }
    cap
}

#[cfg(test)]
mod tests {
    use super::{grown, room};

    #[test]
    fn capacities_of_a_growing_slice() {
        let grow = |size: usize, pointers: bool| {
            let (mut cap, mut all) = (0, Vec::new());
            while cap < 2000 {
                cap = (room(grown(cap, cap + 1) as usize * size, pointers) / size) as u64;
                all.push(cap);
            }
            all
        };
        let ints = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 848, 1280, 1792, 2560];
        assert_eq!(grow(8, false), ints);
        let texts = [1, 2, 4, 8, 16, 32, 71, 143, 303, 591, 1023, 1535, 2560];
        assert_eq!(grow(16, true), texts);
        let bytes = [8, 16, 32, 64, 128, 256, 512, 896, 1408, 2048];
        assert_eq!(grow(1, false), bytes);
    }
}
