/* A C extension of Python that forgets what it allocates. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <stdlib.h>

static void *volatile kept;

__attribute__((noinline)) static int
leaky_ext_function(size_t bytes)
{
	kept = malloc(bytes);
	return kept != NULL;
}

static PyObject *
leak(PyObject *self, PyObject *args)
{
	Py_ssize_t bytes;

	(void)self;
	if (!PyArg_ParseTuple(args, "n", &bytes))
		return NULL;
	if (!leaky_ext_function((size_t)bytes))
		return PyErr_NoMemory();
	Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
	{ "leak", leak, METH_VARARGS, "Allocates so many bytes." },
	{ NULL, NULL, 0, NULL },
};

static struct PyModuleDef module = {
	PyModuleDef_HEAD_INIT,
	.m_name = "leaky_ext",
	.m_size = -1,
	.m_methods = methods,
};

PyMODINIT_FUNC PyInit_leaky_ext(void);

PyMODINIT_FUNC
PyInit_leaky_ext(void)
{
	return PyModule_Create(&module);
}
