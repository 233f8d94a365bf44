// Loses 100 blocks in a method of a generic type.
mod store {
    pub struct Pool<T>(pub Vec<T>);

    impl<T: Clone> Pool<T> {
        #[inline(never)]
        pub fn lose(&mut self, what: T) {
            self.0.push(what);
            std::mem::forget(std::mem::take(&mut self.0));
        }
    }
}

fn main() {
    for i in 0..100u64 {
        store::Pool(Vec::with_capacity(0)).lose(std::hint::black_box([i; 8]));
    }
}
