#include "mtl_kernels.h"

#define TABLE(S, L) mtl_kernels_##S##_##L
extern const mtl_kernels TABLE(f32, baseline), TABLE(f64, baseline);

#if defined(__x86_64__)
extern const mtl_kernels TABLE(f32, avx2), TABLE(f32, avx512), TABLE(f64, avx2), TABLE(f64, avx512);
#define LEVELS(S) {&TABLE(S, baseline), &TABLE(S, avx2), &TABLE(S, avx512)}
#else
#define LEVELS(S) {&TABLE(S, baseline), &TABLE(S, baseline), &TABLE(S, baseline)}
#endif

const mtl_kernels *const mtl_kernels_f32[MTL_CPU_LEVELS] = LEVELS(f32);
const mtl_kernels *const mtl_kernels_f64[MTL_CPU_LEVELS] = LEVELS(f64);
