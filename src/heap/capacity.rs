//! Capacities as programs see them. `append` rounds what it allocates up to one of the Go
//! allocator's sizes, and `cap` shows the result, so the sizes are part of how programs
//! behave. This heap's own classes (`block`) are another matter.

use super::rtti::{Kind, Rtti};

/// Sizes of small objects in Go's allocator, in bytes.
const SIZES: [u16; 66] = [
    8, 16, 24, 32, 48, 64, 80, 96, 112, 128, 144, 160, 176, 192, 208, 224, 240, 256, 288, 320, 352,
    384, 416, 448, 480, 512, 576, 640, 704, 768, 896, 1024, 1152, 1280, 1408, 1536, 1792, 2048,
    2304, 2688, 3072, 3200, 3456, 4096, 4864, 5376, 6144, 6528, 6784, 6912, 8192, 9472, 9728,
    10240, 10880, 12288, 13568, 14336, 16384, 18432, 19072, 20480, 21760, 24576, 27264, 28672,
];
/// The largest of them.
const SMALL_MAX: usize = 32768;
/// Objects with pointers beyond `HEADER_FROM` bytes carry a header of so many.
const HEADER: usize = 8;
const HEADER_FROM: usize = 512;
/// Unit of large objects.
const PAGE: usize = 8192;

/// Bytes that Go's allocator has for an object of `bytes`, `pointers` telling whether it
/// holds any.
pub fn rounded(bytes: usize, pointers: bool) -> usize {
    if bytes == 0 {
        return 0;
    }
    if bytes > SMALL_MAX - HEADER {
        return bytes.checked_next_multiple_of(PAGE).unwrap_or(bytes);
    }
    let header = if pointers && bytes > HEADER_FROM {
        HEADER
    } else {
        0
    };
    let want = bytes + header;
    let i = SIZES.partition_point(|s| usize::from(*s) < want);
    SIZES.get(i).map_or(SMALL_MAX, |s| usize::from(*s)) - header
}

/// Size and alignment of a value in Go's memory. Here slices are shorter and pairs are
/// aligned more strictly.
pub fn go_layout(t: &Rtti) -> (usize, usize) {
    let whole = |n: usize, align: usize| n.next_multiple_of(align);
    match t.kind {
        Kind::Slice => (24, 8),
        Kind::String | Kind::Interface | Kind::Complex128 => (16, 8),
        Kind::Complex64 => (8, 4),
        Kind::Array => {
            let (size, align) = t.parts().elem.map_or((0, 1), go_layout);
            (size.saturating_mul(t.len), align)
        }
        Kind::Struct => {
            let (mut end, mut align, mut last) = (0, 1, 1);
            for f in &t.parts().fields {
                let (size, a) = go_layout(f.ty);
                end = whole(end, a) + size;
                align = align.max(a);
                last = size;
            }
            // A pointer to a last field without bytes must not point past the object.
            if last == 0 && end > 0 {
                end += 1;
            }
            (whole(end, align), align)
        }
        _ => (t.size(), t.size().max(1)),
    }
}

/// Capacity after growing a slice of `elem` from capacity `old` to hold `need` elements.
pub fn grown(old: u64, need: u64, elem: &Rtti) -> u64 {
    let want = doubled(old, need);
    let (size, _) = go_layout(elem);
    if size == 0 {
        return need;
    }
    let bytes = (want as usize).saturating_mul(size);
    let pointers = !elem.shape.ptrs.is_empty();
    ((rounded(bytes, pointers) / size) as u64).max(want)
}

/// The same for a byte slice.
pub fn grown_bytes(old: usize, need: usize) -> usize {
    rounded(doubled(old as u64, need as u64) as usize, false)
}

/// Twice the old capacity for short slices, towards a quarter more for long ones.
fn doubled(old: u64, need: u64) -> u64 {
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
    use super::{doubled, grown_bytes, rounded};

    #[test]
    fn sizes_are_rounded_as_in_go() {
        for (bytes, pointers, want) in [
            (1, false, 8),
            (33, false, 48),
            (512, true, 512),
            (520, true, 568),
            (1024, true, 1144),
            (32760, false, 32768),
            (32761, false, 32768),
            (32769, false, 40960),
            (40960, true, 40960),
        ] {
            assert_eq!(rounded(bytes, pointers), want, "{bytes} {pointers}");
        }
    }

    #[test]
    fn long_slices_grow_by_a_quarter() {
        assert_eq!(doubled(0, 1), 1);
        assert_eq!(doubled(4, 9), 9);
        assert_eq!(doubled(255, 256), 510);
        assert_eq!(doubled(256, 257), 512);
        assert_eq!(doubled(512, 513), 832);
        assert_eq!(grown_bytes(0, 5), 8);
    }
}
