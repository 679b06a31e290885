#include "MTLKernels.h"
