#ifndef MTL_KERNELS_H
#define MTL_KERNELS_H
#endif
