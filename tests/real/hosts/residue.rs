//! The same host as `residue_plain`, on the allocator that wipes what is freed.

#[path = "residue_plain.rs"]
mod plain;

#[global_allocator]
static ALLOCATOR: hallpass::secret::ZeroizingAllocator<std::alloc::System> =
    hallpass::secret::ZeroizingAllocator(std::alloc::System);

fn main() -> hallpass::Result<()> {
    plain::main()
}
