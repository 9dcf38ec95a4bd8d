from django.contrib.admin.apps import AdminConfig


class ShopAdminConfig(AdminConfig):
    default_site = "example_project.admin_site.ShopAdminSite"
