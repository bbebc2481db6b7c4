# Gives a library back what Debian's az 2.45 asks of it. It was written for azure-mgmt-authorization 0.61, whose operations
# have an attribute "config"; Debian ships 3.0, where the same is "_config", so that every command about role assignments
# ends with "'RoleAssignmentsOperations' object has no attribute 'config'". az itself stays as it is.
import sys

if "role" in sys.orig_argv:
    from azure.mgmt.authorization.v2018_01_01_preview.operations import RoleDefinitionsOperations
    from azure.mgmt.authorization.v2020_04_01_preview.operations import RoleAssignmentsOperations

    for operations in (RoleDefinitionsOperations, RoleAssignmentsOperations):
        operations.config = property(lambda self: self._config)
