#include "mtl_elementwise.h"
#include <math.h>
#include <stddef.h>
int mtl_cpu_best_level(void){__builtin_cpu_init();return __builtin_cpu_supports("avx512f")&&__builtin_cpu_supports("avx512vl")?2:__builtin_cpu_supports("avx2")?1:0;}
#define DEF(S,T) \
static T f_##S(int a,T z){switch(a){case 1:return z<0?0:z;case 2:return tanh(z);case 3:return 1/(1+exp(-z));case 4:return z*0.5*erfc(-z*M_SQRT1_2);default:return z;}}\
static T g_##S(int a,T s){switch(a){case 1:return s>0;case 2:return 1-s*s;case 3:return s*(1-s);case 4:return 0.5*erfc(-s*M_SQRT1_2)+s*exp(-s*s/2)/sqrt(2*M_PI);default:return 1;}}\
void mtl_activate_##S(int level,int a,long r,long c,const T*z,long lz,T*h,long lh){for(long i=0;i<r;i++)for(long j=0;j<c;j++)h[i*lh+j]=f_##S(a,z[i*lz+j]);}\
void mtl_activate_backward_##S(int level,int a,long r,long c,const T*s,long ls,T*d,long ld){for(long i=0;i<r;i++)for(long j=0;j<c;j++)d[i*ld+j]*=g_##S(a,s[i*ls+j]);}\
long mtl_count_labelled_##S(int level,long r,const T*l,long s){long n=0;for(long i=0;i<r;i++)n+=l[i*s]==l[i*s];return n;}\
double mtl_loss_binary_##S(int level,long r,const T*z,long sz,const T*y,long sy,T k,T*d,long sd){double t=0;for(long i=0;i<r;i++){T l=y[i*sy],v=z[i*sz];if(l!=l){if(d)d[i*sd]=0;continue;}t+=(v>0?v:0)+log1p(exp(-fabs(v)))-l*v;if(d)d[i*sd]=k*(1/(1+exp(-v))-l);}return t;}\
double mtl_loss_squared_##S(int level,long r,const T*z,long sz,const T*y,long sy,T k,T*d,long sd){double t=0;for(long i=0;i<r;i++){T l=y[i*sy],v=z[i*sz];if(l!=l){if(d)d[i*sd]=0;continue;}t+=(v-l)*(v-l);if(d)d[i*sd]=k*2*(v-l);}return t;}\
double mtl_loss_huber_##S(int level,long r,const T*z,long sz,const T*y,long sy,T k,T e,T*d,long sd){double t=0;for(long i=0;i<r;i++){T l=y[i*sy],v=z[i*sz];if(l!=l){if(d)d[i*sd]=0;continue;}T q=v-l,a=fabs(q);t+=a<=e?0.5*q*q:e*(a-0.5*e);if(d)d[i*sd]=k*(q<-e?-e:q>e?e:q);}return t;}\
double mtl_loss_softmax_##S(int level,long r,long c,const T*z,long sz,const T*y,long sy,T k,T*d,long sd){double t=0;for(long i=0;i<r;i++){T l=y[i*sy];const T*v=z+i*sz;if(l!=l){if(d)for(long j=0;j<c;j++)d[i*sd+j]=0;continue;}T m=v[0];for(long j=1;j<c;j++)if(v[j]>m)m=v[j];double s=0;for(long j=0;j<c;j++)s+=exp(v[j]-m);t+=log(s)+m-v[(long)l];if(d)for(long j=0;j<c;j++)d[i*sd+j]=k*(exp(v[j]-m)/s-(j==(long)l));}return t;}\
void mtl_sigmoid_rows_##S(int level,long r,const T*z,long s,T*p,long q){for(long i=0;i<r;i++)p[i*q]=1/(1+exp(-z[i*s]));}\
void mtl_softmax_rows_##S(int level,long r,long c,const T*z,long s,T*p,long q){for(long i=0;i<r;i++){const T*v=z+i*s;T m=v[0];for(long j=1;j<c;j++)if(v[j]>m)m=v[j];double t=0;for(long j=0;j<c;j++)t+=exp(v[j]-m);for(long j=0;j<c;j++)p[i*q+j]=exp(v[j]-m)/t;}}\
void mtl_sgd_##S(int level,long n,T*p,const T*g,T*b,T lr,T mo,T da,int ne,T wd,int first){for(long i=0;i<n;i++){T q=g[i]+wd*p[i];if(b){b[i]=first?q:mo*b[i]+(1-da)*q;q=ne?q+mo*b[i]:b[i];}p[i]-=lr*q;}}\
void mtl_adam_##S(int level,long n,T*p,const T*g,T*m,T*v,T lr,T b1,T o1,T b2,T o2,T eps,T wd,int dec,T bc1,T sbc2){T st=lr/bc1;for(long i=0;i<n;i++){T q=g[i];if(dec)p[i]*=1-lr*wd;else q+=wd*p[i];m[i]+=(q-m[i])*o1;v[i]=b2*v[i]+o2*q*q;p[i]-=st*m[i]/(sqrt(v[i])/sbc2+eps);}}\
void mtl_transpose_##S(int level,long r,long c,const T*s,long ls,T*d,long ld){for(long i=0;i<r;i++)for(long j=0;j<c;j++)d[j*ld+i]=s[i*ls+j];}\
void mtl_column_sums_##S(int level,long r,long c,const T*s,long ls,T*d,int acc){if(!acc)for(long j=0;j<c;j++)d[j]=0;for(long i=0;i<r;i++)for(long j=0;j<c;j++)d[j]+=s[i*ls+j];}
DEF(f32,float)
DEF(f64,double)
