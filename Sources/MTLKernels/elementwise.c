#include "elementwise_tables.inc"

static const mtl_elementwise_table_f32 *table_f32(int level) {
#if defined(__x86_64__)
    if (level == MTL_CPU_AVX512) return &elementwise_functions_f32_avx512;
    if (level == MTL_CPU_AVX2) return &elementwise_functions_f32_avx2;
#endif
    (void)level;
    return &elementwise_functions_f32_baseline;
}

static const mtl_elementwise_table_f64 *table_f64(int level) {
#if defined(__x86_64__)
    if (level == MTL_CPU_AVX512) return &elementwise_functions_f64_avx512;
    if (level == MTL_CPU_AVX2) return &elementwise_functions_f64_avx2;
#endif
    (void)level;
    return &elementwise_functions_f64_baseline;
}

#define BARE(...) __VA_ARGS__
#define ENTRY_F32(R, N, P, A) \
    R mtl_##N##_f32(int level, BARE P) { return table_f32(level)->N A; }
#define ENTRY_F64(R, N, P, A) \
    R mtl_##N##_f64(int level, BARE P) { return table_f64(level)->N A; }

MTL_ELEMENTWISE(ENTRY_F32, float)
MTL_ELEMENTWISE(ENTRY_F64, double)
